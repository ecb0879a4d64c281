import { registry } from "@denoise/denoise/registry";
import { type App, type AppOptions, createApp } from "../app.ts";
import { FakeEngine, type FakeEngineOptions } from "./fake_engine.ts";

/** An app over a {@linkcode FakeEngine}. */
export function fakeApp(
  options: Partial<AppOptions> = {},
  engineOptions: FakeEngineOptions = {},
): { readonly app: App; readonly engine: FakeEngine } {
  const engine = new FakeEngine(engineOptions);
  return { app: createApp({ engine, registry, ...options }), engine };
}

/** A request with a JSON body. */
export function post(body: unknown, init: RequestInit = {}): RequestInit {
  const { headers, ...rest } = init;
  return {
    method: "POST",
    headers: { "content-type": "application/json", ...headers as Record<string, string> },
    body: JSON.stringify(body),
    ...rest,
  };
}

/** The messages of a reply of server-sent events. */
export async function messages(
  response: Response,
): Promise<{ event: string; data: Record<string, unknown> }[]> {
  const blocks = (await response.text()).split("\n\n").filter((block) => block.includes("data:"));
  return blocks.map((block) => ({
    event: block.match(/^event: (.*)$/m)![1]!,
    data: JSON.parse(block.match(/^data: (.*)$/m)![1]!),
  }));
}

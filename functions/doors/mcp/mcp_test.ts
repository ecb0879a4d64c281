import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { fakeApp, post } from "../../tests/app.ts";
import { until } from "../../../tests/support/until.ts";

type Apps = ReturnType<typeof fakeApp>;

/** Runs with the SDK's client, unchanged, over loopback. */
async function withClient(
  { app }: Apps,
  use: (client: Client) => Promise<void>,
  headers: Record<string, string> = {},
): Promise<void> {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, app.fetch);
  const client = new Client({ name: "test", version: "1.0.0" });
  const url = new URL(`http://127.0.0.1:${server.addr.port}/mcp`);
  try {
    const transport = new StreamableHTTPClientTransport(url, { requestInit: { headers } });
    await client.connect(transport);
    await use(client);
  } finally {
    await client.close();
    await server.shutdown();
  }
}

type Content = { type: string; text?: string; data?: string; mimeType?: string }[];

describe("mcpDoor", () => {
  it("lists the tool with the ranges that validate", async () => {
    await withClient(fakeApp(), async (client) => {
      const { tools } = await client.listTools();
      assertEquals(tools.map(({ name }: { name: string }) => name), ["generate_image"]);
      const text = JSON.stringify(tools[0]!.inputSchema);
      assertStringIncludes(text, '"maximum":150');
      assertStringIncludes(text, "What the image should show");
    });
  });

  it("draws, and tells of each step", async () => {
    const fake = fakeApp();
    await withClient(fake, async (client) => {
      const reports: unknown[] = [];
      const input = { prompt: "a cat", num_inference_steps: 3, seed: 7, n: 2, width: 32 };
      const { content, isError } = await client.callTool(
        { name: "generate_image", arguments: input },
        undefined,
        {
          onprogress: ({ progress, total }: { progress: number; total?: number }) =>
            reports.push([progress, total]),
        },
      );
      const [first, second, text] = content as Content;
      assertEquals([first!.type, first!.mimeType, second!.type], ["image", "image/png", "image"]);
      assertEquals(Uint8Array.fromBase64(first!.data!)[1], 0x50);
      assertEquals(JSON.parse(text!.text!).recipes[1].seed, "8");
      assertEquals(isError, undefined);
      assertEquals(reports, [[1, 3], [2, 3], [3, 3]]);
    });
    const { prompt, steps, width, count } = fake.engine.begun[0]!.input;
    assertEquals([prompt, steps, width, count], ["a cat", 3, 32, 2]);
  });

  it("tells what is wrong with arguments, and of failed runs, as a result", async () => {
    const fail = () => new Error("secret of the server");
    await withClient(fakeApp({}, { fail }), async (client) => {
      const cases: [Record<string, unknown>, string][] = [
        [{ prompt: "a", num_inference_steps: 0 }, "num_inference_steps must be an integer from 1"],
        [{}, "prompt is missing"],
        [{ prompt: "a", image: "?" }, "image must be an image in base64"],
        [{ prompt: "a", scheduler: "None" }, "scheduler is not known: there is no scheduler"],
        [{ prompt: "a" }, "something went wrong on the server"],
      ];
      for (const [input, message] of cases) {
        const result = await client.callTool({ name: "generate_image", arguments: input });
        assertEquals(result.isError, true);
        assertStringIncludes((result.content as Content)[0]!.text!, message);
      }
    });
  });

  it("ends the run when the caller goes", async () => {
    const { app, engine } = fakeApp({}, { stepMs: 5 });
    const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, app.fetch);
    const params = {
      name: "generate_image",
      arguments: { prompt: "a", num_inference_steps: 150 },
      _meta: { progressToken: 1 },
    };
    const message = { jsonrpc: "2.0", id: 1, method: "tools/call", params };
    const headers = { accept: "application/json, text/event-stream" };
    const url = `http://127.0.0.1:${server.addr.port}/mcp`;
    const response = await fetch(url, post(message, { headers }));
    const reader = response.body!.getReader();
    await reader.read();
    const open = engine.hold(); // no step is run while the loss of the connection is on its way
    await reader.cancel();
    await until(async () => {
      const text = await (await app.request("/metrics")).text();
      return text.includes("denoise_running_jobs 0\n");
    });
    open();
    assert(engine.steps < 150, `${engine.steps} steps were run`);
    await server.shutdown();
  });

  it("takes the key that other doors take", async () => {
    const fake = fakeApp({ auth: { keys: [{ name: "ann", key: "k" }] } });
    const headers = { authorization: "Bearer k" };
    await withClient(fake, async (client) => {
      await client.callTool({ name: "generate_image", arguments: { prompt: "a" } });
    }, headers);
    assertEquals(fake.engine.begun[0]!.owner, "ann");
    const refused = await fake.app.request("/mcp", post({ jsonrpc: "2.0" }));
    assertEquals([refused.status, (await refused.json()).error.data.code], [401, "unauthorized"]);
  });

  it("tells what it cannot read as JSON-RPC does", async () => {
    const { app } = fakeApp();
    for (const body of [{}, [], 1, null, { jsonrpc: "2.0", id: {}, method: 1 }]) {
      const response = await app.request("/mcp", post(body));
      assert(response.status < 500);
      await response.body?.cancel();
    }
    const got = await app.request("/mcp");
    assertEquals([got.status, got.headers.get("allow")], [405, "POST"]);
    await got.body?.cancel();
  });
});

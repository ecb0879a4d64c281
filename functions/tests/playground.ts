import { assertEquals } from "@std/assert";
import { type Browser, chromium, type Page } from "../../tests/support/browser.ts";
import { hasProgram } from "../../tests/support/programs.ts";
import { NEVER_MS } from "../../tests/support/until.ts";
import type { App } from "../app.ts";

const CHROMIUM = Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium";

/** Whether there is a browser to try the playground in. */
export const hasBrowser: boolean = await Deno.stat(CHROMIUM).then(() => true, () => false);
if (!hasBrowser) console.log(`The playground is not tried: there is no browser at ${CHROMIUM}`);

/** Python with OpenAI's client, where there is one. */
export const python: string | undefined = Deno.env.get("DENOISE_REFERENCE_PYTHON");

/** Whether the programs of the curl line are there. */
export async function hasTools(): Promise<boolean> {
  const found = await Promise.all(["bash", "curl", "jq", "base64"].map(hasProgram));
  return found.every(Boolean);
}

/** Starts the browser. */
export async function startBrowser(): Promise<Browser> {
  return await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
}

/** Keeps everything that the page has said and shown, so that nothing short-lived is missed. */
const RECORDER = `
  globalThis.recorded = { said: [], alts: [] };
  addEventListener("DOMContentLoaded", () => {
    const observe = (id, options, take) =>
      new MutationObserver((changes) => changes.forEach(take))
        .observe(document.getElementById(id), { subtree: true, ...options });
    observe("message", { childList: true }, ({ addedNodes }) =>
      addedNodes.forEach((node) => recorded.said.push(node.data)));
    observe("results", { attributes: true, attributeFilter: ["alt"] }, ({ target }) =>
      recorded.alts.push(target.alt));
  });`;

/** The playground in a browser, as a test drives it: everything waits for a state, however slow the machine is. */
export class Playground {
  /** Requests that went elsewhere than to the server. */
  readonly outside: string[] = [];
  /** What the page threw, and what the browser kept it from doing. */
  readonly errors: string[] = [];

  private constructor(
    /** The page. */
    readonly page: Page,
  ) {}

  /** Opens it, and waits for its models. */
  static async open(
    browser: Browser,
    url: string,
    options: Parameters<Browser["newPage"]>[0] = {},
  ): Promise<Playground> {
    const page = await browser.newPage({ viewport: { width: 1200, height: 900 }, ...options });
    page.setDefaultTimeout(NEVER_MS);
    const playground = new Playground(page);
    page.on("request", (request) => {
      const { protocol, hostname, href } = new URL(request.url());
      if (protocol.startsWith("http") && hostname !== "127.0.0.1") playground.outside.push(href);
    });
    page.on("pageerror", (error) => playground.errors.push(String(error)));
    page.on("console", (line) => {
      if (/Content Security Policy/.test(line.text())) playground.errors.push(line.text());
    });
    await page.addInitScript(RECORDER);
    await page.goto(url);
    return playground;
  }

  /** Waits until the models are known. */
  async ready(): Promise<void> {
    await this.page.locator("#model option").first().waitFor({ state: "attached" });
  }

  /** Waits until the page says that. */
  async says(text: RegExp): Promise<void> {
    await this.page.locator("#message", { hasText: text }).waitFor();
  }

  /** Everything that was said, and what images were called, since the page was opened. */
  async recorded(): Promise<{ said: string[]; alts: string[] }> {
    return await this.page.evaluate("recorded");
  }

  /** Draws, and waits for the end. */
  async draw(): Promise<void> {
    await this.page.click("#draw");
    await this.done();
  }

  /** Waits for the end of a run. */
  async done(): Promise<void> {
    await this.says(/^Done/);
    await this.page.locator("#draw:enabled").waitFor();
  }

  /** The files of the images in view, as the page saves them. */
  async images(): Promise<Uint8Array[]> {
    const files: Uint8Array[] = [];
    for (const link of await this.page.locator("#results a.tool").all()) {
      const saved = this.page.waitForEvent("download");
      await link.click();
      files.push(await Deno.readFile(await (await saved).path()));
    }
    return files;
  }

  /** Drops a file as a person does. */
  async drop(bytes: Uint8Array): Promise<void> {
    await this.page.evaluate(`(() => {
      const bytes = Uint8Array.fromBase64("${bytes.toBase64()}");
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([bytes], "dropped.png", { type: "image/png" }));
      const init = { dataTransfer, bubbles: true, cancelable: true };
      document.body.dispatchEvent(new DragEvent("drop", init));
    })()`);
    await this.says(/^Image taken/);
  }
}

/** Opens the playground of a server, and ends both after a test. */
export async function withPage(
  browser: Browser,
  app: App,
  test: (playground: Playground) => Promise<void>,
): Promise<void> {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, app.fetch);
  const playground = await Playground.open(browser, `http://127.0.0.1:${server.addr.port}/`);
  try {
    await playground.ready();
    await test(playground);
    assertEquals([playground.errors, playground.outside], [[], []]);
  } finally {
    await playground.page.close();
    await app.drain(0);
    await server.shutdown();
  }
}

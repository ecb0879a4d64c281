import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { DenoiseImage } from "@denoise/denoise";
import { Buffer } from "node:buffer";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { axe, type Browser, chromium, type Page } from "../../../tests/support/browser.ts";
import { fakeApp } from "../../tests/app.ts";

const CHROMIUM = Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium";
const hasBrowser = await Deno.stat(CHROMIUM).then(() => true, () => false);
if (!hasBrowser) console.log(`The playground is not tried: there is no browser at ${CHROMIUM}`);

describe("playgroundDoor", () => {
  const { app } = fakeApp();

  it("gives the page to browsers and addresses to others", async () => {
    const page = await app.request("/", { headers: { accept: "text/html" } });
    assertStringIncludes(await page.text(), "<title>denoise playground</title>");
    assertStringIncludes(page.headers.get("content-security-policy")!, "default-src 'self'");
    const index = await (await app.request("/")).json();
    assertEquals(index.links.images, "/v1/images/generations");
  });

  it("serves its parts and nothing else", async () => {
    assertEquals((await app.request("/playground/main.js")).status, 200);
    for (const path of ["/playground/mod.ts", "/playground/..%2Fmod.ts", "/playground/none.js"]) {
      const response = await app.request(path);
      assertEquals(response.status, 404);
      await response.body?.cancel();
    }
  });
});

describe("the playground in Chromium", { ignore: !hasBrowser }, () => {
  let browser: Browser;
  let server: Deno.HttpServer<Deno.NetAddr>;
  let page: Page;
  let engine: ReturnType<typeof fakeApp>["engine"];
  const message = (text: RegExp) => page.locator("#message", { hasText: text }).waitFor();
  const outside: string[] = [];
  const errors: string[] = [];

  beforeAll(async () => {
    const fake = fakeApp({}, { stepMs: 20 });
    const { app } = fake;
    engine = fake.engine;
    server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, app.fetch);
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
    page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
    page.setDefaultTimeout(0); // a busy machine takes what it takes
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (url.protocol.startsWith("http") && url.hostname !== "127.0.0.1") outside.push(url.href);
    });
    page.on("pageerror", (error) => errors.push(String(error)));
    await page.goto(`http://127.0.0.1:${server.addr.port}/`);
    await page.locator("#model option").first().waitFor({ state: "attached" });
  });
  afterAll(async () => {
    await browser.close();
    await server.shutdown();
  });

  it("shows an image as it emerges, with keyboard alone", async () => {
    await page.focus("#prompt");
    await page.keyboard.type("a red apple");
    await page.fill("#steps", "8");
    await page.fill("#seed", "7");
    await page.focus("#prompt");
    const open = engine.hold(3);
    await page.keyboard.press("Control+Enter");
    await message(/^Step 2 of 8/);
    open();
    await message(/^Done$/);
    assertEquals(await page.getAttribute("#results img", "alt"), "a red apple");
    assertEquals(await page.locator("#history li").count(), 1);
  });

  it("cancels a run", async () => {
    await page.fill("#steps", "150");
    const open = engine.hold(2);
    await page.click("#draw");
    await message(/^Step/);
    await page.click("#cancel");
    await message(/^Cancelled$/);
    open();
    assertEquals(await page.isEnabled("#draw"), true);
  });

  it("draws with several schedulers side by side", async () => {
    await page.fill("#steps", "3");
    await page.selectOption("#schedulers", ["DDIMScheduler", "EulerDiscreteScheduler"]);
    await page.click("#draw");
    await message(/^Done$/);
    const captions = await page.locator("#results figcaption").allTextContents();
    assertEquals(captions.length, 2);
    assert(
      captions[0]!.startsWith("DDIM") && captions[1]!.startsWith("EulerDiscrete"),
      `${captions}`,
    );
  });

  it("says in words what the server refuses", async () => {
    await page.fill("#size", "13x13");
    await page.click("#draw");
    await message(/size|divisible|multiple/);
    await page.fill("#size", "");
  });

  it("takes an image with its recipe, and inpaints only under the brush", async () => {
    const pixels = new Uint8Array(64 * 64 * 3).fill(90);
    const recipe = { prompt: "a house", seed: "11", steps: 5, guidanceScale: 3 };
    const png = await new DenoiseImage(64, 64, 3, pixels, { recipe }).encode("png");
    const file = { name: "house.png", mimeType: "image/png", buffer: Buffer.from(png) };
    await page.selectOption("#schedulers", "");
    await page.setInputFiles("#file", file);
    await message(/recipe taken/);
    assertEquals(await page.inputValue("#prompt"), "a house");
    assertEquals(await page.inputValue("#seed"), "11");
    const draw = async () => {
      await page.click("#draw");
      await message(/^Done$/);
      return engine.begun.at(-1)!.task;
    };
    assertEquals(await draw(), "image-to-image");
    await page.focus("#canvas");
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("Space");
    assertEquals(await draw(), "inpaint");
    await page.click("#remove-image");
    assertEquals(await draw(), "text-to-image");
  });

  it("brings an image of the history back, and copies its request", async () => {
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    for (
      const [language, part] of [["curl", "curl http"], ["python", "OpenAI"], [
        "typescript",
        "fetch(",
      ]]
    ) {
      await page.click(`[data-language=${language}]`);
      const copied = await page.evaluate<string>("navigator.clipboard.readText()");
      assertStringIncludes(copied, part!);
      assertStringIncludes(copied, "a house");
    }
    await page.locator("#history button").last().click();
    assertEquals(await page.inputValue("#prompt"), "a red apple");
  });

  it("loads nothing from outside, and throws nothing", () => {
    assertEquals(outside, []);
    assertEquals(errors, []);
  });

  it("fits a phone and passes axe", async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    const overflow = await page.evaluate<number>(
      "document.documentElement.scrollWidth - document.documentElement.clientWidth",
    );
    assertEquals(overflow, 0);
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate<{ violations: { id: string }[] }>("axe.run()");
    assertEquals(violations.map(({ id }) => id), []);
  });
});

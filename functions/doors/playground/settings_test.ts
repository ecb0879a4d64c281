/**
 * What the page remembers, and how it is used on a phone, in the dark, by keyboard and without motion, in
 * Chromium.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { axe, type Browser, type Page } from "../../../tests/support/browser.ts";
import { until } from "../../../tests/support/until.ts";
import { fakeApp } from "../../tests/app.ts";
import { hasBrowser, Playground, startBrowser } from "../../tests/playground.ts";

const KEY = "a-key-of-the-house";

/** What axe finds on the page as it is now. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const found = await page.evaluate<{ violations: { id: string; nodes: { html: string }[] }[] }>(
    "axe.run()",
  );
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html)}`);
}

/** Draws one image. */
async function drawCat(playground: Playground): Promise<void> {
  await playground.page.fill("#prompt", "a cat");
  await playground.page.fill("#steps", "3");
  await playground.draw();
}

describe("the playground for everyone", { ignore: !hasBrowser }, () => {
  const { app, engine } = fakeApp({ auth: { keys: [{ name: "me", key: KEY }] } }, {
    info: {
      loras: ["pixel"],
      controlNets: { canny: { kind: "controlnet", tasks: ["text-to-image"] } },
    },
    models: ["fake", "other"],
  });
  let browser: Browser;
  let server: Deno.HttpServer<Deno.NetAddr>;
  const open = async (options = {}) =>
    await Playground.open(browser, `http://127.0.0.1:${server.addr.port}/`, options);
  const openWithKey = async (options = {}) => {
    const playground = await open(options);
    await playground.page.fill("#key", KEY);
    await playground.page.click("#settings .main");
    await playground.ready();
    return playground;
  };

  beforeAll(async () => {
    server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, app.fetch);
    browser = await startBrowser();
  });
  afterAll(async () => {
    await browser.close();
    await server.shutdown();
  });

  it("asks for a key, and remembers it and the fields until they are to be forgotten", async () => {
    const playground = await open();
    const { page } = playground;
    const state = (text: string) => page.locator("#state", { hasText: text }).waitFor();
    await state("asks for a key");
    await page.fill("#key", "a wrong key");
    await page.click("#settings .main");
    await state("does not know the key");
    await page.fill("#key", KEY);
    await page.click("#settings .main");
    await playground.ready();
    await page.selectOption("#model", "other");
    await page.selectOption("#scheduler", "DDIMScheduler");
    await page.fill("#guidance", "2.5");
    await drawCat(playground);
    assertEquals(engine.begun.at(-1)!.owner, "me");

    await page.reload();
    await playground.ready();
    await until(async () => await page.inputValue("#prompt") === "a cat");
    const fields = ["model", "scheduler", "guidance", "steps", "seed"];
    assertEquals(
      await Promise.all(fields.map((id) => page.inputValue(`#${id}`))),
      ["other", "DDIMScheduler", "2.5", "3", ""],
    );
    const kept = JSON.parse(await page.evaluate('localStorage.getItem("denoise-settings")'));
    assertEquals([kept.guidance, kept.width], ["2.5", undefined]); // a size that is the model's own
    await page.click("#open-settings");
    await page.click("#forget");
    await page.reload();
    await state("asks for a key");
    assertEquals(await page.inputValue("#prompt"), "");
    await page.close();
  });

  it("copies without the clipboard of the browser, or shows what to copy", async () => {
    const playground = await openWithKey();
    const { page } = playground;
    await drawCat(playground);
    await page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })");
    await page.click("[data-language=curl]");
    await playground.says(/^Copied as curl$/);
    await page.focus("#negative");
    await page.keyboard.press("Control+v");
    assertStringIncludes(await page.inputValue("#negative"), "/v1/images/generations");
    await page.evaluate("document.execCommand = () => false");
    await page.click("[data-language=python]");
    await page.locator("#copy-dialog[open]").waitFor();
    assertStringIncludes(await page.inputValue("#copy-text"), "OpenAI");
    await page.close();
  });

  it("says that the server does not answer, and goes on when it does", async () => {
    const playground = await openWithKey();
    const { page } = playground;
    await page.fill("#prompt", "a cat");
    await page.route("**/v1/images/*", (route) => route.abort());
    await page.click("#draw");
    await playground.says(/^The server does not answer/);
    await page.unroute("**/v1/images/*");
    await drawCat(playground);
    await page.close();
  });

  for (const colorScheme of ["light", "dark"] as const) {
    it(`passes axe in ${colorScheme} colours, with every dialog`, async () => {
      const playground = await openWithKey({ colorScheme, reducedMotion: "reduce" });
      const { page } = playground;
      await page.click("#compare summary");
      await drawCat(playground);
      assertEquals(await violations(page), []);
      await page.click("#results .open");
      assertEquals(await violations(page), []);
      await page.click("#lightbox-close");
      await page.locator("#results .tools button", { hasText: "Use as input" }).click();
      await page.click("#edit-mask");
      await page.keyboard.press("Space");
      assertEquals(await violations(page), []);
      await page.click("#editor-close");
      assertEquals(await violations(page), []);
      await page.click("#open-settings");
      assertEquals(await violations(page), []);
      assertEquals([playground.outside, playground.errors], [[], []]);
      await page.close();
    });
  }

  it("fits a phone, where the image comes into view by itself", async () => {
    const viewport = { width: 360, height: 740 };
    const playground = await openWithKey({ viewport, hasTouch: true, reducedMotion: "reduce" });
    const { page } = playground;
    await drawCat(playground);
    const shown = async () => {
      const box = (await page.locator("#results .open").boundingBox())!;
      return box.y >= 0 && box.y + box.height <= viewport.height;
    };
    await until(shown);
    const overflow = () =>
      page.evaluate<number>(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth",
      );
    assertEquals(await overflow(), 0);
    assertEquals(await violations(page), []);
    await page.locator("#results .open").tap();
    assertEquals(await overflow(), 0);
    const close = (await page.locator("#lightbox-close").boundingBox())!;
    assert(close.x + close.width <= viewport.width);
    await page.close();
  });

  it("moves nothing for those who ask for none", async () => {
    for (const reducedMotion of ["reduce", "no-preference"] as const) {
      const playground = await openWithKey({ reducedMotion });
      const { page } = playground;
      const go = engine.hold();
      const before = engine.begun.length;
      await page.fill("#prompt", "a cat");
      await page.click("#draw");
      await until(() => engine.begun.length > before);
      await page.locator(".runs .noise").waitFor();
      const moving = await page.evaluate<number>("document.getAnimations().length");
      assertEquals(moving > 0, reducedMotion === "no-preference");
      go();
      await playground.done();
      await page.close();
    }
  });
});

/**
 * From the form to an image, in Chromium, over an engine whose images are their seeds.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { DenoiseImage } from "@denoise/denoise";
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import type { Browser, Page } from "../../../tests/support/browser.ts";
import { until } from "../../../tests/support/until.ts";
import { ServeError } from "../../contract/errors.ts";
import { fakeApp } from "../../tests/app.ts";
import { hasBrowser, Playground, startBrowser } from "../../tests/playground.ts";

const info = {
  defaults: {
    "text-to-image": { steps: 6, guidanceScale: 4.5 },
    "image-to-image": { steps: 9, guidanceScale: 2, strength: 0.3 },
    "inpaint": { steps: 9, guidanceScale: 2, strength: 1 },
  },
  loras: ["pixel", "ink"],
  takesPromptSyntax: true,
  controlNets: {
    canny: { kind: "controlnet", tasks: ["text-to-image", "image-to-image"] },
    depth: { kind: "union", tasks: ["text-to-image"], modes: 6 },
  },
} as const;

describe("the playground's form", { ignore: !hasBrowser }, () => {
  const { app, engine } = fakeApp({}, {
    models: ["fake", "other/model"],
    info,
    fail: ({ model, input }) =>
      model === "other/model" && input.scheduler === "DDIMScheduler"
        ? new ServeError("invalid_input", "Cannot use DDIM here")
        : undefined,
  });
  let browser: Browser;
  let server: Deno.HttpServer<Deno.NetAddr>;
  let playground: Playground;
  let page: Page;
  const last = () => engine.begun.at(-1)!;
  const valueOf = (id: string) => page.inputValue(`#${id}`);
  const labels = () => page.locator("#results figcaption strong").allTextContents();

  beforeAll(async () => {
    server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, app.fetch);
    browser = await startBrowser();
    playground = await Playground.open(browser, `http://127.0.0.1:${server.addr.port}/`);
    page = playground.page;
    await playground.ready();
  });
  afterAll(async () => {
    await browser.close();
    await server.shutdown();
  });

  it("shows what the model does by itself, in the fields", async () => {
    const fields = await Promise.all(["steps", "guidance", "width", "height"].map(valueOf));
    assertEquals(fields, ["6", "4.5", "64", "64"]);
    assertEquals(await page.locator("#scheduler option").first().textContent(), "PNDM (default)");
    assertEquals(await page.getAttribute("nav a", "href"), "/docs");
  });

  it("shows what it does with an image or a mask, where nothing was changed", async () => {
    const shown = async () => await Promise.all(["steps", "guidance", "strength"].map(valueOf));
    const image = await new DenoiseImage(64, 64, 3, new Uint8Array(12288)).encode("png");
    const file = { name: "a.png", mimeType: "image/png", buffer: Buffer.from(image) };
    await page.setInputFiles("#file", file);
    await playground.says(/^Image taken$/);
    assertEquals(await shown(), ["9", "2", "0.3"]);
    await page.fill("#guidance", "3");
    await page.click("#edit-mask");
    await page.click("#editor-invert");
    await page.click("#editor-close");
    await until(async () => await valueOf("strength") === "1");
    assertEquals(await shown(), ["9", "3", "1"]);
    await page.click("#remove-image");
    assertEquals(await shown(), ["6", "3", ""]);
    await page.fill("#guidance", "4.5");
  });

  it("draws with the keyboard alone, and shows the image as it emerges", async () => {
    await page.focus("#prompt");
    await page.keyboard.type("a red apple");
    await page.keyboard.press("Control+Enter");
    await playground.done();
    const { said, alts } = await playground.recorded();
    assert(said.some((text) => /^Step 3 of 6/.test(text)), `${said}`);
    assert(alts.includes("The image as it emerges"));
    assertEquals(await page.getAttribute("#results img", "alt"), "a red apple");
    const { steps, guidanceScale, width, height } = last().input;
    assertEquals([steps, guidanceScale, width, height], [6, 4.5, 64, 64]);
  });

  it("cancels with Escape and with its button", async () => {
    for (const cancel of [() => page.keyboard.press("Escape"), () => page.click("#cancel")]) {
      const before = engine.begun.length;
      const go = engine.hold();
      await page.click("#draw");
      await until(() => engine.begun.length > before);
      await cancel();
      await playground.says(/^Cancelled$/);
      await page.locator("#draw:enabled").waitFor();
      assertEquals(await page.locator("#results figure").count(), 0);
      assertEquals(await page.isVisible("#snippets"), false);
      go();
    }
  });

  it("draws another seed each time, until it is locked", async () => {
    const seeds: (string | undefined)[] = [];
    const draw = async () => {
      await playground.draw();
      seeds.push(last().input.seed);
      assertEquals(await valueOf("seed"), last().input.seed);
    };
    await draw();
    await draw();
    assertNotEquals(seeds[0], seeds[1]);
    await page.check("#lock");
    await draw();
    assertEquals(seeds[2], seeds[1]);
    await page.click("#dice");
    await draw();
    assertNotEquals(seeds[3], seeds[2]);
    await page.uncheck("#lock");
    await page.fill("#seed", "18446744073709551615");
    assert(await page.isChecked("#lock"), "a seed that is typed is locked");
    await draw();
    assertEquals(seeds[4], "18446744073709551615");
    await page.fill("#seed", "");
  });

  it("offers prompts, and one by chance", async () => {
    await page.locator("#examples button").first().click();
    const example = await valueOf("prompt");
    assertMatch(example, /lighthouse/);
    await page.click("#surprise");
    await playground.done();
    assertNotEquals(await valueOf("prompt"), example);
    assertEquals(last().input.prompt, await valueOf("prompt"));
  });

  it("offers aspect ratios of the model's own area", async () => {
    await page.click("#aspects button:has-text('16:9')");
    assertEquals([await valueOf("width"), await valueOf("height")], ["88", "48"]);
    assertEquals(await page.locator("#aspects [aria-pressed=true]").textContent(), "16:9");
    await playground.draw();
    assertEquals([last().input.width, last().input.height], [88, 48]);
    await page.fill("#width", "96");
    assertEquals(await page.locator("#aspects [aria-pressed=true]").count(), 0);
    await page.click("#aspects button:has-text('1:1')");
  });

  it("applies the LoRAs of the server by their weights", async () => {
    await page.fill('[aria-label="Weight of ink"]', "0.35");
    await playground.draw();
    assertEquals(last().input.loras, [{ name: "ink", weight: 0.35 }]);
    await page.uncheck("#loras [value=ink]");
    await playground.draw();
    assertEquals(last().input.loras, undefined);
  });

  it("reads an image for each ControlNet, and makes it again", async () => {
    const image = await new DenoiseImage(8, 8, 3, new Uint8Array(192).fill(90)).encode("png");
    await page.check("#controls [value=depth]");
    await page.click("#draw");
    await playground.says(/^Choose the image that depth reads/);
    await page.uncheck("#controls [value=depth]");
    const files = { name: "edges.png", mimeType: "image/png", buffer: Buffer.from(image) };
    await page.setInputFiles('[aria-label="Image that canny reads"]', files);
    await page.locator('#controls img[alt="What canny reads"]').waitFor();
    await page.fill('[aria-label="Scale of canny"]', "0.6");
    await playground.draw();
    const drawn = last().input;
    assertEquals(drawn.controls, [{ name: "canny", image, scale: 0.6 }]);
    await page.uncheck("#controls [value=canny]");
    await playground.draw();
    assertEquals(last().input.controls, undefined);
    await page.locator("#gallery-list .thumb").nth(1).click();
    await playground.says(/^Shown again/);
    await page.locator("#results .tools").getByText("Reuse all").click();
    await playground.says(/has what made/);
    await playground.draw();
    const { previews: _, ...again } = last().input;
    const { previews: __, ...before } = drawn;
    assertEquals(again, before);
    await page.uncheck("#controls [value=canny]");
  });

  it("says of which kind an image is, to ControlNets that read several", async () => {
    const image = await new DenoiseImage(8, 8, 3, new Uint8Array(192).fill(90)).encode("png");
    const files = { name: "edges.png", mimeType: "image/png", buffer: Buffer.from(image) };
    assertEquals(await page.isVisible('[aria-label="Kind of the image that canny reads"]'), false);
    await page.setInputFiles('[aria-label="Image that depth reads"]', files);
    await page.locator('#controls img[alt="What depth reads"]').waitFor();
    await page.fill('[aria-label="Kind of the image that depth reads"]', "3");
    await playground.draw();
    assertEquals(last().input.controls, [{ name: "depth", image, scale: 1, mode: 3 }]);
    await page.uncheck("#controls [value=depth]");
  });

  it("says how prompts weigh their words", async () => {
    await page.selectOption("#syntax", "a1111");
    await playground.draw();
    assertEquals(last().input.promptSyntax, "a1111");
    await page.selectOption("#syntax", "");
    await playground.draw();
    assertEquals(last().input.promptSyntax, undefined);
  });

  it("takes no file that is larger than the server takes, wherever it is put", async () => {
    await page.evaluate(`(async () => {
      const { limits } = await (await fetch("/v1/capabilities")).json();
      const dataTransfer = new DataTransfer();
      const huge = new Uint8Array(limits.image_bytes + 1);
      dataTransfer.items.add(new File([huge], "huge.png", { type: "image/png" }));
      const init = { dataTransfer, bubbles: true, cancelable: true };
      document.body.dispatchEvent(new DragEvent("drop", init));
      globalThis.huge = dataTransfer.files;
    })()`);
    await playground.says(
      /^Cannot take this file: it has [\d.]+ MB, and this server takes [\d.]+ MB/,
    );
    assertEquals(await page.isVisible("#start-image"), false);
    await page.evaluate('document.querySelector("#message").textContent = ""');
    await page.evaluate(`(() => {
      const input = document.querySelector('[aria-label="Image that canny reads"]');
      input.files = globalThis.huge;
      input.dispatchEvent(new Event("change"));
    })()`);
    await playground.says(/^Cannot take this file: it has [\d.]+ MB/);
    assertEquals(await page.isChecked("#controls [value=canny]"), false);
  });

  it("compares schedulers and models side by side; one that is refused is told in its place", async () => {
    await page.click("#compare summary");
    await page.check("#compare-schedulers [value=DDIMScheduler]");
    await page.check("#compare-schedulers [value=EulerDiscreteScheduler]");
    await playground.draw();
    assertEquals(await labels(), ["DDIM", "EulerDiscrete"]);
    await page.check("#compare-models [value=fake]");
    await page.check("#compare-models [value='other/model']");
    await playground.draw();
    assertEquals(await labels(), [
      ...["fake · DDIM", "fake · EulerDiscrete", "model · DDIM", "model · EulerDiscrete"],
    ]);
    assertEquals(await page.locator("#results .fault").allTextContents(), ["Cannot use DDIM here"]);
    await playground.says(/^Done: 3 of 4$/);
    const four = engine.begun.slice(-4);
    assertEquals(new Set(four.map(({ input }) => input.seed)).size, 1);
    for (const id of ["DDIMScheduler", "EulerDiscreteScheduler", "fake", "other/model"]) {
      await page.uncheck(`#compare [value='${id}']`);
    }
  });

  it("says what is wrong with a field, and goes there", async () => {
    const refused = async (id: string, text: RegExp) => {
      await page.click("#draw");
      await playground.says(text);
      assertEquals(await page.getAttribute(`#${id}`, "aria-invalid"), "true");
      assertEquals(await page.evaluate("document.activeElement.id"), id);
    };
    await page.fill("#width", "13");
    await refused("width", /multiple of 8/);
    await page.fill("#width", "");
    await refused("width", /both width and height/);
    await page.fill("#width", "64");
    await page.fill("#steps", "");
    await page.locator("#steps").pressSequentially("e");
    await refused("steps", /^Steps must be a number$/);
    await page.fill("#steps", "4");
    await page.fill("#prompt", "  ");
    await refused("prompt", /^Write what the image should show/);
    await page.fill("#prompt", "a cat");
    await playground.draw();
    assertEquals(await page.locator("[aria-invalid]").count(), 0);
  });

  it("takes over what another model does by itself, but for what was changed", async () => {
    await page.fill("#guidance", "9");
    await page.selectOption("#model", "other/model");
    assertEquals([await valueOf("steps"), await valueOf("guidance")], ["4", "9"]);
    await page.fill("#steps", "");
    await page.selectOption("#model", "fake");
    assertEquals([await valueOf("steps"), await valueOf("guidance")], ["6", "9"]);
  });

  it("loads nothing from outside, and throws nothing", () => {
    assertEquals([playground.outside, playground.errors], [[], []]);
  });
});

/**
 * What can be done with images that were made, in Chromium, over an engine whose images are their seeds.
 *
 * @module
 */
import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import type { Recipe } from "@denoise/core";
import { decodeImage, DenoiseImage } from "@denoise/denoise";
import { Buffer } from "node:buffer";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import type { Browser, Page } from "../../../tests/support/browser.ts";
import { unzip } from "../../../tests/support/unzip.ts";
import { fakeApp } from "../../tests/app.ts";
import { hasBrowser, Playground, startBrowser, withPage } from "../../tests/playground.ts";

/** A server whose model reads several images, and changes them by no strength. */
const referring = (images: number) => fakeApp({}, { images, info: { strengthTasks: [] } });

/** A grey PNG, with a recipe in it or none. */
async function png(width: number, height: number, recipe?: Recipe): Promise<Uint8Array> {
  const pixels = new Uint8Array(width * height * 3).fill(90);
  const options = recipe === undefined ? {} : { recipe };
  return await new DenoiseImage(width, height, 3, pixels, options).encode("png");
}

const fileOf = (bytes: Uint8Array, name = "house.png", mimeType = "image/png") => ({
  name,
  mimeType,
  buffer: Buffer.from(bytes),
});

describe("the playground's images", { ignore: !hasBrowser }, () => {
  const { app, engine } = fakeApp({ limits: { maxImageBytes: 1_000_000 } }, {
    info: { loras: ["pixel"], defaults: { inpaint: { strength: 0.7 } } },
  });
  let browser: Browser;
  let server: Deno.HttpServer<Deno.NetAddr>;
  let playground: Playground;
  let page: Page;
  const last = () => engine.begun.at(-1)!;
  const tool = (name: string) => page.locator("#results .tools").last().getByText(name);
  const thumbs = () => page.locator("#gallery-list li").count();

  beforeAll(async () => {
    server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, app.fetch);
    browser = await startBrowser();
    playground = await Playground.open(browser, `http://127.0.0.1:${server.addr.port}/`, {
      acceptDownloads: true,
    });
    page = playground.page;
    await playground.ready();
    await page.fill("#steps", "2");
  });
  afterAll(async () => {
    await browser.close();
    await server.shutdown();
  });

  it("takes an image, and inpaints where it is marked, with the keyboard alone", async () => {
    await page.fill("#prompt", "a house");
    await page.setInputFiles("#file", fileOf(await png(96, 64)));
    await playground.says(/^Image taken$/);
    assertEquals([await page.inputValue("#width"), await page.inputValue("#height")], ["96", "64"]);
    await playground.draw();
    assertEquals(last().task, "image-to-image");
    await page.click("#edit-mask");
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("Space");
    await page.click("#editor-close");
    await playground.draw();
    assertEquals([last().task, last().input.strength], ["inpaint", 0.7]);
    const mask = await decodeImage(last().input.mask!);
    assertEquals([mask.width, mask.height], [96, 64]);
    const at = (x: number, y: number) => mask.data[(y * 96 + x) * mask.channels];
    assertEquals([at(44, 32), at(90, 5)], [255, 0]);
  });

  it("reads several images, no more than the model, and makes their image again", async () => {
    const { app, engine } = referring(3);
    const files = await Promise.all([24, 32, 40].map((side) => png(side, 16)));
    await withPage(browser, app, async (playground) => {
      const { page } = playground;
      await page.fill("#prompt", "the cat of image 1 on the sofa of image 2");
      await page.setInputFiles("#file", fileOf(files[0]!));
      await playground.says(/^Image taken$/);
      assertEquals(await page.isVisible("#strength"), false);
      await page.setInputFiles("#more-file", [fileOf(files[1]!), fileOf(files[2]!)]);
      await playground.says(/^Image 3 taken$/);
      await page.setInputFiles("#more-file", fileOf(files[1]!));
      await playground.says(/reads at most 3 images: remove one first$/);
      await page.setInputFiles("#more-file", []);
      await playground.draw();
      const given = () => {
        const { image, moreImages, strength } = engine.begun.at(-1)!.input;
        return [[image, ...moreImages ?? []], strength];
      };
      assertEquals(given(), [files, undefined]);
      await page.click("[aria-label='Remove image 2']");
      await playground.draw();
      assertEquals(given(), [[files[0], files[2]], undefined]);
      await page.click("#remove-image");
      await page.locator("#gallery-list .thumb").last().click();
      await playground.says(/^Shown again/);
      await page.locator("#results .tools").getByText("Reuse all").click();
      await playground.says(/makes it again$/);
      await playground.draw();
      assertEquals(given(), [files, undefined]);
    });
    await withPage(browser, fakeApp().app, async ({ page }) => {
      await page.setInputFiles("#file", fileOf(files[0]!));
      assertEquals(await page.isVisible("#more-images"), false);
    });
  });

  it("makes again exactly what the gallery holds: mask, LoRA and start image too", async () => {
    await page.check("#loras [value=pixel]");
    await page.fill("#strength", "0.55");
    await page.selectOption("#scheduler", "DDIMScheduler");
    await playground.draw();
    const inpainted = last();
    await page.click("#remove-image");
    await page.uncheck("#loras [value=pixel]");
    await page.selectOption("#scheduler", "");
    await page.fill("#prompt", "a boat");
    await page.fill("#negative", "rain");
    await page.fill("#count", "2");
    await page.fill("#seed", "40");
    await playground.draw();
    const [, second] = await playground.images();
    // the newest of the two, which stands alone again and begins with nothing that was loaded meanwhile
    await page.setInputFiles("#file", fileOf(await png(64, 64)));
    await playground.says(/^Image taken/);
    await page.fill("#negative", "");
    await page.locator("#gallery-list .thumb").first().click();
    await playground.says(/^Shown again/);
    await tool("Reuse all").click();
    await playground.says(/has what made/);
    await playground.draw();
    const { task, input } = last();
    assertEquals(
      [task, input.prompt, input.negativePrompt, input.seed, input.count],
      ["text-to-image", "a boat", "rain", "41", 1],
    );
    assertEquals(await playground.images(), [second!]);
    // newest first: the image again, the two of seeds 41 and 40, then the inpainted one
    await page.locator("#gallery-list .thumb").nth(3).click();
    await tool("Reuse all").click();
    await playground.says(/has what made/);
    await playground.draw();
    const { previews: _, ...again } = last().input;
    const { previews: __, ...before } = inpainted.input;
    assertEquals([last().task, last().model, again], [inpainted.task, inpainted.model, before]);
    await page.click("#remove-image");
    await page.uncheck("#loras [value=pixel]");
  });

  it("uses a result as input, varies it, makes it larger, and reuses its seed", async () => {
    await page.selectOption("#scheduler", "");
    await page.click("#aspects button:has-text('1:1')");
    await page.fill("#prompt", "a fox");
    await page.fill("#seed", "5");
    await playground.draw();
    const [fox] = await playground.images();
    await tool("Upscale").click();
    await playground.done();
    const larger = last();
    assertEquals(
      [larger.task, larger.input.width, larger.input.strength, larger.input.prompt],
      ["image-to-image", 128, 0.35, "a fox"],
    );
    assertEquals(new Uint8Array(larger.input.image!), fox);
    await tool("Variations").click();
    await playground.done();
    const { task, input } = last();
    assertEquals([task, input.count, input.prompt], ["image-to-image", 4, "a fox"]);
    assertNotEquals(input.seed, "5");
    assertEquals(await page.locator("#results figure").count(), 4);
    const seed = (BigInt(input.seed!) + 3n).toString();
    await tool("Reuse seed").click();
    assertEquals(await page.inputValue("#seed"), seed);
    assert(await page.isChecked("#lock"));
    await tool("Use as input").click();
    await playground.says(/where the next run begins/);
    await playground.draw();
    assertEquals(last().task, "image-to-image");
    await page.click("#remove-image");
  });

  it("shows images at full size, one after another, at any scale", async () => {
    await page.fill("#count", "3");
    await page.fill("#seed", "70");
    await playground.draw();
    await page.fill("#count", "1");
    await page.locator("#results .open").nth(1).click();
    const caption = (text: RegExp) =>
      page.locator("#lightbox-caption", { hasText: text }).waitFor();
    await caption(/seed 71/);
    await page.keyboard.press("ArrowRight");
    await caption(/seed 72/);
    assert(await page.isDisabled("#lightbox-next"));
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("ArrowLeft");
    await caption(/seed 70/);
    await page.locator("#lightbox-view:not([aria-busy])").waitFor();
    const scale = async () => parseFloat((await page.textContent("#lightbox-scale"))!);
    await page.keyboard.press("0");
    const fits = await scale();
    await page.keyboard.press("-");
    assert(await scale() < fits, `${fits}`);
    await page.keyboard.press("+");
    await page.mouse.move(600, 450);
    await page.mouse.wheel(0, 200);
    await page.locator(`#lightbox-scale:not(:text-is("${fits} %"))`).waitFor();
    assert(await scale() < fits);
    await page.click("#lightbox-fit");
    assertEquals(await scale(), fits);
    await page.keyboard.press("Escape");
    assertEquals(await page.locator("dialog[open]").count(), 0);
  });

  it("undoes, erases, inverts and zooms a mask", async () => {
    await page.setInputFiles("#file", fileOf(await png(64, 64)));
    await playground.says(/^Image taken$/);
    await page.click("#edit-mask");
    const marked = () =>
      page.evaluate<number>(`(() => {
        const canvas = document.getElementById("preview-canvas");
        const { data } = canvas.getContext("2d").getImageData(0, 0, 64, 64);
        let marked = 0;
        for (let i = 0; i < data.length; i += 4) if (data[i] > 120) marked++;
        return marked;
      })()`);
    const becomes = async (test: (count: number) => boolean) => {
      while (!test(await marked())) await page.evaluate("new Promise(requestAnimationFrame)");
      return await marked();
    };
    await page.keyboard.press("Space");
    const dot = await becomes((count) => count > 0);
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Space");
    await becomes((count) => count > dot);
    await page.keyboard.press("Control+z");
    await becomes((count) => count === dot);
    await page.click("#editor-redo");
    await becomes((count) => count > dot);
    await page.click("#editor-undo");
    await page.click("#editor-invert");
    await becomes((count) => count > 64 * 64 - 2 * dot && count < 64 * 64);
    await page.click("#editor-invert");
    await becomes((count) => count === dot);
    await page.check("[name=tool][value=erase]");
    const box = (await page.locator("#canvas").boundingBox())!;
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2 + 4, box.y + box.height / 2);
    await page.mouse.up();
    await becomes((count) => count === 0);
    const width = async () => (await page.locator("#canvas").boundingBox())!.width;
    const fits = await width();
    await page.click("#editor-closer");
    assert(await width() > fits);
    await page.check("[name=tool][value=move]");
    await page.check("[name=tool][value=paint]");
    await page.click("#editor-close");
    await page.click("#remove-image");
  });

  it("takes the recipe of a dropped image, without beginning with it", async () => {
    const recipe = { prompt: "a tower", seed: "11", steps: 5, guidanceScale: 3, model: "fake" };
    await playground.drop(await png(64, 64, recipe));
    await page.click("#use-recipe");
    await playground.says(/has what made/);
    await playground.draw();
    const { task, input } = last();
    assertEquals(
      [task, input.prompt, input.seed, input.steps, input.guidanceScale],
      ["text-to-image", "a tower", "11", 5, 3],
    );
    await playground.drop(await png(64, 64, { ...recipe, model: "gone", scheduler: "Lost" }));
    await page.click("#use-recipe");
    await playground.says(/does not have the model gone, the scheduler Lost$/);
    await page.fill("#guidance", "");
    await page.fill("#steps", "2");
  });

  it("says what is wrong with a file", async () => {
    await page.setInputFiles("#file", fileOf(new TextEncoder().encode("no image"), "x.png"));
    await playground.says(/is no image that the browser can read/);
    await page.setInputFiles("#file", fileOf(new Uint8Array(1_000_001)));
    await playground.says(/has 1\.0 MB, and this server takes 1\.0 MB at most/);
    assertEquals(await page.isVisible("#start-image"), false);
  });

  it("copies the request as programs", async () => {
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    const parts = { curl: "curl http", python: "OpenAI", typescript: "fetch(" };
    for (const [language, part] of Object.entries(parts)) {
      await page.click(`[data-language=${language}]`);
      await playground.says(/^Copied as/);
      const copied = await page.evaluate<string>("navigator.clipboard.readText()");
      assertStringIncludes(copied, part);
      assertStringIncludes(copied, "a tower");
    }
  });

  it("keeps its gallery, deletes one, and gives all as an archive", async () => {
    const before = await thumbs();
    await page.reload();
    await playground.ready();
    await page.locator("#gallery-list li").nth(before - 1).waitFor();
    assertEquals(await thumbs(), before);
    await page.locator("#gallery-list .away").first().click();
    await page.locator(`#gallery-title:has-text("(${before - 1})")`).waitFor();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.click("#save-all"),
    ]);
    assertEquals(download.suggestedFilename(), "denoise.zip");
    const files = unzip(await Deno.readFile(await download.path()));
    assertEquals(Object.keys(files).length, before - 1);
    for (const [name, bytes] of Object.entries(files)) {
      assert(/^denoise-\d+-\d+\.png$/.test(name), name);
      assertEquals(bytes.slice(1, 4), new TextEncoder().encode("PNG"));
    }
    await page.click("#delete-all");
    await page.click("#confirm-no");
    assertEquals(await thumbs(), before - 1);
    await page.click("#delete-all");
    await page.click("#confirm-yes");
    await page.locator("#gallery-title:text-is('Gallery')").waitFor();
    await page.reload();
    await playground.ready();
    assertEquals(await thumbs(), 0);
  });

  it("loads nothing from outside, and throws nothing", () => {
    assertEquals([playground.outside, playground.errors], [[], []]);
  });
});

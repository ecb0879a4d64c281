/**
 * What the page does with a model that makes audio, in Chromium.
 *
 * @module
 */
import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { Buffer } from "node:buffer";
import { isWav } from "@denoise/audio";
import { AceStepPipeline, decodeAudio, DenoiseAudio, readWavRecipe } from "@denoise/denoise";
import { registry } from "@denoise/denoise/registry";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { axe, type Browser, type Page } from "../../../tests/support/browser.ts";
import { makeFixtures } from "../../../tests/support/fixtures.ts";
import { until } from "../../../tests/support/until.ts";
import { createApp } from "../../app.ts";
import { inlineServingEngine } from "../../engine/inline.ts";
import { memoryStore } from "../../storage/memory_store.ts";
import { fakeApp } from "../../tests/app.ts";
import { FAKE_AUDIO } from "../../tests/fake_engine.ts";
import { hasBrowser, hasTools, python, startBrowser, withPage } from "../../tests/playground.ts";

makeFixtures();
const FIXTURES = new URL("../../../tests/fixtures/", import.meta.url).pathname;

/** What axe finds on the page as it is now. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const found = await page.evaluate<{ violations: { id: string }[] }>("axe.run()");
  return found.violations.map(({ id }) => id);
}

describe("the playground with audio", { ignore: !hasBrowser }, () => {
  let browser: Browser;
  const engine = inlineServingEngine({
    models: [
      { id: "tiny/audio", location: `${FIXTURES}tiny-stable-audio` },
      { id: "tiny/image", location: `${FIXTURES}tiny-stable-diffusion` },
    ],
    registry,
    warmup: false,
  });
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(async () => {
    await browser.close();
    await engine.close();
  });

  it("makes, plays, keeps and makes again what a model for audio makes", async () => {
    // results lie in a store, and the page still gets their bytes
    const app = createApp({ engine, registry, storage: memoryStore() });
    await withPage(browser, app, async (playground) => {
      const { page } = playground;
      assertEquals(await page.textContent("#draw"), "Make audio");
      assertEquals(await page.isVisible("#size-row"), false);
      assertEquals(await page.isVisible("#start"), false);
      assert(Number(await page.inputValue("#seconds")) > 0);
      await page.fill("#prompt", "rain on tin");
      await page.fill("#steps", "3");
      await page.fill("#seed", "5");
      await page.fill("#seconds", "0.5");
      await playground.draw();
      const { said } = await playground.recorded();
      assert(said.some((text) => /^Step 2 of 3/.test(text)), said.join("\n"));
      const [file] = await playground.images();
      assert(isWav(file!));
      const recipe = readWavRecipe(file!)!;
      const { prompt, seed, steps, audioEndInS } = recipe;
      assertEquals([prompt, seed, steps, audioEndInS], ["rain on tin", "5", 3, 0.5]);
      assertStringIncludes((await page.textContent("#results figcaption"))!, "seed 5, 0.5 s");

      assertEquals(await page.locator("#results audio").count(), 1);
      assertEquals(await violations(page), []);

      // the gallery keeps it, and shows it again after a reload
      await page.reload();
      await playground.ready();
      await page.click("#gallery-list .thumb");
      await playground.says(/^Shown again/);
      assertEquals(await playground.images(), [file!]);
      await page.fill("#prompt", "something else");
      await page.locator("#results .tools").getByText("Reuse all").click();
      await until(async () => await page.inputValue("#prompt") === "rain on tin");
      const fields = ["steps", "seed", "seconds"];
      const values = await Promise.all(fields.map((id) => page.inputValue(`#${id}`)));
      assertEquals(values, ["3", "5", "0.5"]);
      await playground.draw();
      const [again] = await playground.images();
      assertEquals(again, file);

      // so does the file itself, dropped on the page
      await page.fill("#prompt", "something else");
      await page.evaluate(`(() => {
        const bytes = Uint8Array.fromBase64("${file!.toBase64()}");
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([bytes], "a.wav", { type: "audio/wav" }));
        document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true }));
      })()`);
      await until(async () => await page.inputValue("#prompt") === "rain on tin");

      await page.locator("#results .tools").getByText("Variations").click();
      await playground.done();
      assertEquals(await page.locator("#results audio").count(), 4);
      const [one] = await playground.images();
      assertNotEquals(readWavRecipe(one!)!["seed"], "5");
    });
  });

  it("works on a clip that it is given, and makes that again", async () => {
    const song = await new DenoiseAudio(40, 2, new Float32Array(80).fill(0.25)).encode();
    const fileOf = (bytes: Uint8Array) => ({
      ...{ name: "song.wav", mimeType: "audio/wav" },
      buffer: Buffer.from(bytes),
    });
    const models = [{ id: "tiny/song", location: `${FIXTURES}tiny-ace-step` }];
    const engine = inlineServingEngine({ models, registry, warmup: false });
    await withPage(browser, createApp({ engine, registry }), async (playground) => {
      const { page } = playground;
      await page.setInputFiles("#own-src_audio", fileOf(Uint8Array.of(1, 2, 3)));
      await playground.says(/^This file is no WAV, which src audio must be/);
      await page.setInputFiles("#own-src_audio", fileOf(song));
      await playground.says(/^Audio taken as src audio$/);
      assertEquals(await page.isVisible("#clips audio[aria-label='src audio']"), true);
      assertEquals(await page.isVisible("#clips audio[aria-label='reference audio']"), false);
      await page.click("#own summary");
      await page.selectOption("#own-task_type", { label: "repaint" });
      await page.fill("#own-repainting_start", "0.25");
      await page.fill("#prompt", "a guitar solo");
      await page.fill("#steps", "2");
      await page.fill("#seed", "5");
      await page.fill("#seconds", "1");
      assertEquals(await violations(page), []);
      await playground.draw();
      const [file] = await playground.images();
      assertEquals(readWavRecipe(file!)!["taskType"], "repaint");
      const pipe = await AceStepPipeline.fromPretrained(`${FIXTURES}tiny-ace-step`);
      const { audios } = await pipe("a guitar solo", {
        ...{ taskType: "repaint", srcAudio: song, repaintingStart: 0.25, audioDuration: 1 },
        ...{ numInferenceSteps: 2, seed: 5 },
      });
      await pipe.dispose();
      const samplesOf = (bytes: Uint8Array) => decodeAudio(bytes).data;
      const expected = samplesOf(await audios[0]!.encode());
      // graphs are optimized here: the last bits of a float32 move
      const apart = samplesOf(file!).map((value, i) => Math.abs(value - expected[i]!));
      assert(Math.max(...apart) < 1e-3, String(Math.max(...apart)));

      await page.click("[aria-label='Remove src audio']");
      await page.selectOption("#own-task_type", "");
      await page.locator("#results .tools").getByText("Reuse all").click();
      await playground.says(/makes it again$/);
      await playground.draw();
      assertEquals((await playground.images())[0], file);
      await page.locator("#results .tools").getByText("Use as input").click();
      await playground.says(/^Audio taken as src audio$/);
    });
    await engine.close();
    const silent = fakeApp({}, { info: FAKE_AUDIO });
    await withPage(browser, silent.app, async ({ page }) => {
      assertEquals(await page.isVisible("#clips"), false);
    });
  });

  it("asks for lyrics where the model sings", async () => {
    const { app, engine } = fakeApp({}, { info: { ...FAKE_AUDIO, takesLyrics: true } });
    await withPage(browser, app, async (playground) => {
      const { page } = playground;
      await page.fill("#prompt", "a soft piano");
      await page.fill("#lyrics", "[verse]\nla la");
      await playground.draw();
      assertEquals(engine.begun[0]!.input.lyrics, "[verse]\nla la");
    });
    const silent = fakeApp({}, { info: FAKE_AUDIO });
    await withPage(browser, silent.app, async ({ page }) => {
      assertEquals(await page.isVisible("#lyrics"), false);
    });
  });

  it("plays it, by the player and by its wave", async () => {
    const { app } = fakeApp({}, { info: FAKE_AUDIO }); // at 8,000 Hz, which browsers play
    await withPage(browser, app, async (playground) => {
      const { page } = playground;
      await page.fill("#prompt", "rain");
      await page.fill("#seconds", "5");
      await playground.draw();
      const player = "document.querySelector('#results audio')";
      const is = (state: string) => until(() => page.evaluate<boolean>(`${player}.${state}`));
      await is("readyState > 0");
      assertEquals(await page.evaluate<number>(`${player}.duration`), 5);
      await page.click("#results .open");
      await is("paused === false");
      await page.click("#results .open");
      await is("paused === true");
    });
  });

  it("changes its words and fields with the model", async () => {
    const app = createApp({ engine, registry });
    await withPage(browser, app, async ({ page }) => {
      const options = await page.locator("#compare-models input").count();
      assertEquals(options, 0); // what is compared makes the same
      await page.selectOption("#model", "tiny/image");
      assertEquals(await page.textContent("#draw"), "Draw");
      assertEquals(await page.isVisible("#seconds"), false);
      assertEquals(await page.isVisible("#size-row"), true);
      assertEquals(await page.textContent("#count-label"), "Images");
      await page.selectOption("#model", "tiny/audio");
      assertEquals(await page.textContent("#count-label"), "Clips");
      assertEquals(await page.isVisible("#seconds"), true);
    });
  });

  it("tells why there is no audio, at the field at fault, and lets a run be cancelled", async () => {
    const { app, engine } = fakeApp({}, { info: FAKE_AUDIO });
    await withPage(browser, app, async (playground) => {
      const { page } = playground;
      await page.click("#draw");
      await playground.says(/^Write what is to be heard/);
      await page.fill("#prompt", "rain");
      await page.fill("#seconds", "4000");
      await page.click("#draw");
      await playground.says(/audio_length_in_s/);
      assertEquals(await page.getAttribute("#seconds", "aria-invalid"), "true");
      await page.fill("#seconds", "2");
      const open = engine.hold();
      await page.click("#draw");
      await until(() => engine.begun.length === 1);
      await page.keyboard.press("Escape");
      await playground.says(/^Cancelled/);
      open();
      assertEquals(await page.locator("#results figure").count(), 0);
    });
  });

  it("copies the request as programs that run", async () => {
    const options = {
      src_audio: { name: "srcAudio", option: { type: "audio" } },
      tracks: { name: "tracks", option: { type: "string", list: "required" } },
    } as const;
    const { app, engine } = fakeApp({}, { info: { ...FAKE_AUDIO, options } });
    const song = await new DenoiseAudio(8000, 1, new Float32Array(80_000)).encode();
    await withPage(browser, app, async (playground) => {
      const { page } = playground;
      const buffer = Buffer.from(song);
      await page.setInputFiles("#own-src_audio", { name: "x.wav", mimeType: "audio/wav", buffer });
      await playground.says(/^Audio taken/);
      await page.click("#own summary");
      await page.fill("#own-tracks", "drums, bass");
      await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
      await page.fill("#prompt", "it's raining");
      await page.fill("#seconds", "0.25");
      await playground.draw();
      const [file] = await playground.images();
      const folder = await Deno.makeTempDir();
      await Deno.writeFile(`${folder}/src_audio.wav`, song);
      const tried = async (language: string, name: string, flag: string) => {
        await page.click(`[data-language=${language}]`);
        await playground.says(new RegExp(`^Copied as ${language}$`, "i"));
        const program = await page.evaluate<string>("navigator.clipboard.readText()");
        assertStringIncludes(program, "/predictions");
        const { success, stderr } = await new Deno.Command(name, {
          args: [flag, program],
          cwd: folder,
        }).output();
        assert(success, `${language}: ${new TextDecoder().decode(stderr)}`);
        assertEquals(await Deno.readFile(`${folder}/result.wav`), file, language);
        const { clips, options } = engine.begun.at(-1)!.input;
        const given = { clips: { srcAudio: song }, options: { tracks: ["drums", "bass"] } };
        assertEquals({ clips, options }, given, language);
        await Deno.remove(`${folder}/result.wav`);
      };
      if (await hasTools()) await tried("curl", "bash", "-c");
      if (python !== undefined) await tried("python", python, "-c");
      await tried("typescript", Deno.execPath(), "eval");
      await Deno.remove(folder, { recursive: true });
    });
  });
});

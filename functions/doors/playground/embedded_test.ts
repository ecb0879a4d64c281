/**
 * Everything that the page offers, in Chromium, on the model that ships with the project.
 *
 * @module
 */
import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { decodeImage } from "@denoise/denoise";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { type Browser, chromium, type Page } from "../../../tests/support/browser.ts";
import { type RunningProgram, startProgram } from "../../tests/programs.ts";

const CHROMIUM = Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium";
const hasBrowser = await Deno.stat(CHROMIUM).then(() => true, () => false);

/** The bytes of a data URL. */
const bytesOf = (url: string) => Uint8Array.fromBase64(url.split(",")[1]!);

describe("the playground with the embedded model", { ignore: !hasBrowser }, () => {
  let server: RunningProgram;
  let browser: Browser;
  let page: Page;
  let apple: Uint8Array;
  const message = (text: RegExp) => page.locator("#message", { hasText: text }).waitFor();
  const shownImages = async () =>
    await page.evaluate<string[]>(
      "[...document.querySelectorAll('#results img')].map((i) => i.src)",
    );

  beforeAll(async () => {
    server = await startProgram("serve", { DENOISE_PORT: "0", DENOISE_LOG_LEVEL: "error" });
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
    page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
    page.setDefaultTimeout(0); // a busy machine takes what it takes
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.goto(server.url);
    await page.locator("#model option").first().waitFor({ state: "attached" });
  });
  afterAll(async () => {
    await browser.close();
    await server[Symbol.asyncDispose]();
  });

  /** Drops files as a person does. */
  async function drop(bytes: Uint8Array): Promise<void> {
    const script = `(() => {
      const bytes = Uint8Array.fromBase64("${bytes.toBase64()}");
      const data = new DataTransfer();
      data.items.add(new File([bytes], "dropped.png", { type: "image/png" }));
      document.getElementById("drop").dispatchEvent(
        new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }),
      );
    })()`;
    await page.evaluate(script);
    await message(/taken$/);
  }

  async function drawn(): Promise<Uint8Array> {
    await page.click("#draw");
    await message(/^Done$/);
    return bytesOf((await shownImages())[0]!);
  }

  it("offers prompts of the model", async () => {
    await page.click("#examples button:nth-of-type(2)");
    assertEquals(await page.inputValue("#prompt"), "two cats");
  });

  it("shows the image as it emerges", async () => {
    await page.fill("#prompt", "red apple");
    await page.fill("#steps", "8");
    await page.fill("#guidance", "3");
    await page.fill("#seed", "3");
    await page.click("#draw");
    await page.locator('#results img[alt="The image as it emerges"]').waitFor();
    const [early] = await shownImages();
    await message(/^Done$/);
    const [late] = await shownImages();
    assertNotEquals(early, late);
    apple = bytesOf(late!);
    const { width, height } = await decodeImage(apple);
    assertEquals([width, height], [128, 128]);
  });

  it("cancels, keeps a history, and compares schedulers side by side", async () => {
    await page.fill("#steps", "150");
    await page.click("#draw");
    await message(/^Step/);
    await page.click("#cancel");
    await message(/^Cancelled$/);
    await page.fill("#steps", "4");
    await page.selectOption("#schedulers", ["DDIMScheduler", "DPMSolverMultistepScheduler"]);
    await drawn();
    const [ddim, dpm] = await shownImages();
    assertNotEquals(ddim, dpm);
    assertEquals(await page.locator("#history li").count(), 3);
    await page.selectOption("#schedulers", "");
  });

  it("reads the recipe of a dropped image back, which makes it again", async () => {
    for (const id of ["#prompt", "#seed", "#steps", "#guidance"]) await page.fill(id, "");
    await drop(apple);
    assertEquals(await page.inputValue("#prompt"), "red apple");
    assertEquals(await page.inputValue("#seed"), "3");
    await page.click("#remove-image");
    const again = await decodeImage(await drawn());
    assertEquals(again.data, (await decodeImage(apple)).data);
  });

  it("begins with a dropped image, and inpaints only under the brush", async () => {
    await drop(apple);
    await page.fill("#prompt", "green apple");
    await page.fill("#strength", "0.6");
    const changed = await decodeImage(await drawn());
    const given = await decodeImage(apple);
    assertNotEquals(changed.data, given.data);

    await page.fill("#strength", "1");
    await page.locator("#canvas").scrollIntoViewIfNeeded();
    const box = (await page.locator("#canvas").boundingBox())!;
    await page.mouse.move(box.x + box.width * 0.35, box.y + box.height * 0.5);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.65, box.y + box.height * 0.5, { steps: 8 });
    await page.mouse.up();
    const inpainted = await decodeImage(await drawn());
    const change = (fromY: number, toY: number): number => {
      const [from, to] = [fromY * 128 * 3, toY * 128 * 3];
      let sum = 0;
      for (let i = from; i < to; i++) sum += Math.abs(inpainted.data[i]! - given.data[i]!);
      return sum / (to - from);
    };
    // what is kept goes through the autoencoder too, which changes it by some levels
    assert(change(54, 74) > 1.5 * change(100, 128), `${change(54, 74)} and ${change(100, 128)}`);
  });

  it("copies requests that run, with and without files", async () => {
    const folder = await Deno.makeTempDir();
    try {
      const copied = async (language: string) => {
        await page.click(`[data-language=${language}]`);
        await message(/^Copied as/);
        return await page.evaluate<string>("navigator.clipboard.readText()");
      };
      const run = async (command: string, args: string[]) => {
        await Deno.remove(`${folder}/result.png`).catch(() => {});
        const { success, stderr } = await new Deno.Command(command, { args, cwd: folder }).output();
        assert(success, new TextDecoder().decode(stderr));
        return await decodeImage(await Deno.readFile(`${folder}/result.png`));
      };
      const check = async (): Promise<void> => {
        const shown = await decodeImage(bytesOf((await shownImages())[0]!));
        await Deno.writeTextFile(`${folder}/x.ts`, await copied("typescript"));
        assertEquals((await run(Deno.execPath(), ["run", "-A", "x.ts"])).data, shown.data);
        const curl = await copied("curl");
        if (await hasTools()) assertEquals((await run("bash", ["-c", curl])).data, shown.data);
        await Deno.writeTextFile(`${folder}/x.py`, await copied("python"));
        if (python !== undefined) assertEquals((await run(python, ["x.py"])).data, shown.data);
      };
      await page.locator("#clear-mask").click();
      await page.fill("#strength", "0.6");
      await drawn();
      const canvas = await page.evaluate<string>("document.getElementById('canvas').toDataURL()");
      assert(canvas.length > 1_000);
      await Deno.writeFile(`${folder}/image.png`, apple);
      await check();
      assertStringIncludes(
        await copied("python"),
        'images.edit(\n    image=open("image.png", "rb")',
      );
      await page.locator("#history button").last().click();
      await check();
      assertStringIncludes(await copied("python"), "images.generate(");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
});

/** Python with OpenAI's client, where there is one. */
const python = Deno.env.get("DENOISE_REFERENCE_PYTHON");

/** Whether the programs of the curl line are there. */
async function hasTools(): Promise<boolean> {
  const found = await Promise.all(
    ["bash", "curl", "jq", "base64"].map((name) =>
      new Deno.Command(name, { args: ["--version"], stdout: "null", stderr: "null" }).output()
        .then(({ success }) => success, () => false)
    ),
  );
  return found.every(Boolean);
}

/**
 * `deno task screenshots`: images of the playground for docs/images, taken in Chromium of a server with
 * the embedded model. CHROMIUM names the browser where it is not at /usr/bin/chromium.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { decodeImage } from "@denoise/image";
import type { Browser } from "../../tests/support/browser.ts";
import { Playground, startBrowser } from "./playground.ts";
import { startProgram } from "./programs.ts";

const FOLDER = fileURLToPath(new URL("../../docs/images", import.meta.url));

/** The playground without motion, its models loaded, and 25 steps to come. */
async function open(
  browser: Browser,
  url: string,
  options: Parameters<Browser["newPage"]>[0],
): Promise<Playground> {
  const playground = await Playground.open(browser, url, { reducedMotion: "reduce", ...options });
  await playground.ready();
  await playground.page.fill("#steps", "25");
  return playground;
}

/** Draws with a seed of its own, so that the images are the same each time. */
async function draw(playground: Playground, prompt: string, seed = "1"): Promise<void> {
  await playground.page.fill("#prompt", prompt);
  await playground.page.fill("#seed", seed);
  await playground.draw();
}

async function save({ page }: Playground, name: string, fullPage = false): Promise<void> {
  const image = await decodeImage(await page.screenshot({ fullPage }));
  await image.save(`${FOLDER}/${name}.webp`);
  console.log(`docs/images/${name}.webp`);
}

const COMPARED = ["DDIMScheduler", "EulerDiscreteScheduler", "DPMSolverMultistepScheduler"];

async function desktop(browser: Browser, url: string): Promise<void> {
  const viewport = { width: 1280, height: 960 };
  const playground = await open(browser, url, { viewport, colorScheme: "light" });
  const { page } = playground;
  await draw(playground, "rocket on a purple background");
  await draw(playground, "two cats");
  await page.fill("#prompt", "red apple on a blue background");
  await page.fill("#steps", "120"); // slow enough to be caught in the middle
  await page.click("#draw");
  await page.locator('#results img[alt="The image as it emerges"]').waitFor();
  await playground.says(/^Step (9|10)\d of/);
  await save(playground, "playground-emerging");
  await playground.done();

  await page.fill("#steps", "4"); // so few that schedulers differ visibly
  await page.click("#compare summary");
  for (const name of COMPARED) await page.check(`#compare [value=${name}]`);
  await draw(playground, "red apple on a blue background");
  await page.evaluate("scrollTo(0, 0)");
  await page.emulateMedia({ colorScheme: "dark" });
  await save(playground, "playground-schedulers-dark");
  await page.emulateMedia({ colorScheme: "light" });
  for (const name of COMPARED) await page.uncheck(`#compare [value=${name}]`);

  await page.locator("#results .tools button", { hasText: "Use as input" }).first().click();
  await playground.says(/where the next run begins/);
  await page.click("#edit-mask");
  await page.locator("#brush").fill("44");
  const box = (await page.locator("#canvas").boundingBox())!;
  await page.mouse.move(box.x + box.width * 0.3, box.y + box.height * 0.5);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.7, box.y + box.height * 0.55, { steps: 10 });
  await page.mouse.up();
  await save(playground, "playground-inpaint");
  await page.close();
}

async function phone(browser: Browser, url: string): Promise<void> {
  const viewport = { width: 390, height: 844 };
  const playground = await open(browser, url, { viewport, colorScheme: "dark", hasTouch: true });
  await draw(playground, "sun on a blue background");
  await save(playground, "playground-phone");
  await playground.page.close();
}

const server = await startProgram("serve", { DENOISE_PORT: "0", DENOISE_LOG_LEVEL: "error" });
const browser = await startBrowser();
try {
  await desktop(browser, server.url);
  await phone(browser, server.url);
} finally {
  await browser.close();
  await server[Symbol.asyncDispose]();
}

/**
 * `deno task screenshots`: images of the playground for docs/images, taken in Chromium of a server with
 * the embedded model. CHROMIUM names the browser where it is not at /usr/bin/chromium.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "../../tests/support/browser.ts";
import { startProgram } from "./programs.ts";

const FOLDER = fileURLToPath(new URL("../../docs/images", import.meta.url));

const shown = (page: Page, text: RegExp) => page.locator("#message", { hasText: text }).waitFor();

/** A page with the playground, its models loaded. */
async function open(
  browser: Browser,
  url: string,
  options: Parameters<Browser["newPage"]>[0],
): Promise<Page> {
  const page = await browser.newPage(options);
  await page.goto(url);
  await page.locator("#model option").first().waitFor({ state: "attached" });
  await page.fill("#guidance", "3");
  return page;
}

/** Draws with these schedulers, side by side. */
async function draw(page: Page, prompt: string, schedulers: string[], seed = "1"): Promise<void> {
  await page.fill("#prompt", prompt);
  await page.fill("#seed", seed);
  await page.selectOption("#schedulers", schedulers);
  await page.click("#draw");
  await shown(page, /^Done$/);
}

async function save(page: Page, name: string, fullPage = false): Promise<void> {
  await page.screenshot({ path: `${FOLDER}/${name}.png`, fullPage });
  console.log(`docs/images/${name}.png`);
}

const COMPARED = ["DDIMScheduler", "EulerDiscreteScheduler", "DPMSolverMultistepScheduler"];

async function desktop(browser: Browser, url: string): Promise<void> {
  const viewport = { width: 1200, height: 900 };
  const page = await open(browser, url, { viewport, colorScheme: "light" });
  await page.fill("#steps", "25");
  await draw(page, "rocket on a purple background", [""]);
  await page.fill("#prompt", "red apple on a blue background");
  await page.fill("#steps", "120"); // slow enough to be caught in the middle
  await page.click("#draw");
  await page.locator('#results img[alt="The image as it emerges"]').waitFor();
  await shown(page, /^Step [6-9]\d of/);
  await save(page, "playground-emerging");
  await shown(page, /^Done$/);
  await page.fill("#steps", "25");
  await draw(page, "red apple on a blue background", COMPARED);
  await page.emulateMedia({ colorScheme: "dark" });
  await save(page, "playground-schedulers-dark");
  await page.emulateMedia({ colorScheme: "light" });

  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.locator("#results a").first().click(),
  ]);
  await page.setInputFiles("#file", await download.path());
  await shown(page, /recipe taken$/);
  await page.locator("#canvas").scrollIntoViewIfNeeded();
  const box = (await page.locator("#canvas").boundingBox())!;
  await page.mouse.move(box.x + box.width * 0.3, box.y + box.height * 0.5);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.7, box.y + box.height * 0.6, { steps: 10 });
  await page.mouse.up();
  await page.fill("#strength", "1");
  await draw(page, "green apple on a blue background", [""]);
  await page.locator("#drop").scrollIntoViewIfNeeded();
  await save(page, "playground-inpaint", true);
  await page.close();
}

async function phone(browser: Browser, url: string): Promise<void> {
  const viewport = { width: 390, height: 844 };
  const page = await open(browser, url, { viewport, colorScheme: "dark", hasTouch: true });
  await page.fill("#steps", "25");
  await draw(page, "sun on a blue background", [""]);
  await save(page, "playground-phone", true);
  await page.close();
}

const server = await startProgram("serve", { DENOISE_PORT: "0", DENOISE_LOG_LEVEL: "error" });
const browser = await chromium.launch({
  executablePath: Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
try {
  await desktop(browser, server.url);
  await phone(browser, server.url);
} finally {
  await browser.close();
  await server[Symbol.asyncDispose]();
}

/**
 * Draws what the README and the model card show of the embedded model, into docs/images:
 *
 *     deno run -A scripts/embedded/contact_sheet.ts [FOLDER]
 *
 * - contact-sheet.png: the 48 free prompts of evaluation.json, in order, image i from seed i;
 * - seeds.png: six prompts, a row each, from the seeds 0 to 7;
 * - guidance.png: three prompts, a row each, with the guidance scales 1, 1.5, 2, 3, 4, 5, 7 and 10.
 *
 * @module
 */
import { type DenoiseImage, imageGrid, StableDiffusionPipeline } from "../../mod.ts";
import evaluation from "./evaluation.json" with { type: "json" };

const COLUMNS = 8;
const SEEDS = ["cat", "rocket", "birthday cake", "tree", "robot", "car on a blue background"];
const SCALES = [1, 1.5, 2, 3, 4, 5, 7, 10];
const GUIDED = ["owl", "two red apples on a blue background", "cat and dog"];
const root = new URL("../../", import.meta.url);
const folder = Deno.args[0] ?? new URL("docs/images", root).pathname;

const pipeline = await StableDiffusionPipeline.fromPretrained(
  new URL("plugins/embedded/emoji/", root),
  { onWarning: () => {} },
);

async function draw(
  prompts: readonly string[],
  seed: number,
  options: { guidanceScale?: number } = {},
): Promise<DenoiseImage[]> {
  const { images } = await pipeline(prompts, { seed, ...options });
  return images as DenoiseImage[];
}

async function save(name: string, images: DenoiseImage[]): Promise<void> {
  await imageGrid(images, images.length / COLUMNS, COLUMNS).save(`${folder}/${name}`);
  console.log(`${images.length} images in ${folder}/${name}`);
}

const free: DenoiseImage[] = [];
for (let start = 0; start < evaluation.free.length; start += COLUMNS) {
  free.push(...await draw(evaluation.free.slice(start, start + COLUMNS), start));
}
await save("contact-sheet.png", free);

const seeds: DenoiseImage[] = [];
for (const prompt of SEEDS) seeds.push(...await draw(new Array(COLUMNS).fill(prompt), 0));
await save("seeds.png", seeds);

const guided: DenoiseImage[] = [];
for (const prompt of GUIDED) {
  for (const guidanceScale of SCALES) guided.push(...await draw([prompt], 1, { guidanceScale }));
}
await save("guidance.png", guided);

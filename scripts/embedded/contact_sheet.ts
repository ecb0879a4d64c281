/**
 * Draws the README's contact sheet with the embedded model: the 48 prompts `free` of evaluation.json, in order,
 * image i from seed SEED + i.
 *
 *     deno run -A scripts/embedded/contact_sheet.ts [OUT.webp] [SEED] [MODEL]
 *
 * @module
 */
import { type DenoiseImage, imageGrid, StableDiffusionPipeline } from "../../mod.ts";
import evaluation from "./evaluation.json" with { type: "json" };

const COLUMNS = 8;
const root = new URL("../../", import.meta.url);
const out = Deno.args[0] ?? new URL("docs/images/contact-sheet.webp", root);
const seed = Number(Deno.args[1] ?? 0);
const prompts = evaluation.free;

const pipeline = await StableDiffusionPipeline.fromPretrained(
  Deno.args[2] ?? new URL("plugins/embedded/emoji/", root),
  { onWarning: () => {} },
);
const { images } = await pipeline(prompts, { seed });
const sheet = imageGrid(images as DenoiseImage[], Math.ceil(images.length / COLUMNS), COLUMNS);
await sheet.save(out);
console.log(`${images.length} images in ${out}`);

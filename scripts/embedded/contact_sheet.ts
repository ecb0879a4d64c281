/**
 * Draws the contact sheet of the README with the embedded model: the 48 free prompts of evaluation.json,
 * in order, image i from seed SEED + i.
 *
 *     deno run -A scripts/embedded/contact_sheet.ts [OUT.png] [SEED]
 *
 * @module
 */
import { type DenoiseImage, imageGrid, StableDiffusionPipeline } from "../../mod.ts";
import evaluation from "./evaluation.json" with { type: "json" };

const COLUMNS = 8;
const root = new URL("../../", import.meta.url);
const out = Deno.args[0] ?? new URL("docs/images/contact-sheet.png", root);
const seed = Number(Deno.args[1] ?? 0);

const pipeline = await StableDiffusionPipeline.fromPretrained(
  new URL("plugins/embedded/emoji/", root),
);
const { images } = await pipeline(evaluation.free, { seed });
const sheet = imageGrid(images as DenoiseImage[], Math.ceil(images.length / COLUMNS), COLUMNS);
await Deno.mkdir(new URL("docs/images/", root), { recursive: true });
await sheet.save(out);
console.log(`${images.length} images in ${out}`);

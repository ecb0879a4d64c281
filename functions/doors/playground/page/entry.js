import { isAudio, predictionOf, waveOf, wavRecipe } from "./audio.js";
import { bytesOf } from "./files.js";

/**
 * An image or audio clip that was made: `blob`, `at` (milliseconds since 1970), `recipe`, `label`,
 * `notes`, and the `request` that makes it again: `fields`, and the files `image`, `mask` and `more` (images that are
 * read with the first one) where it began with them. While it is shown it has a `url` too, and a `poster`: the address of an image of it.
 */

/** The entry of an image or audio clip that a run has completed. */
export function entryOf(event, { label, fields }, files, notes) {
  const { prompt, num_inference_steps: steps, guidance_scale: guidanceScale, scheduler } = fields;
  const type = event.media_type ?? `image/${event.output_format ?? "png"}`;
  const bytes = bytesOf(event.b64_json);
  const made = type === "audio/wav" ? wavRecipe(bytes) : { ...sizeOf(event.size), ...event.recipe };
  const recipe = { prompt, steps, guidanceScale, scheduler, ...made };
  const { n: _, ...again } = fields;
  const request = { fields: { ...again, seed: String(recipe.seed ?? fields.seed) }, ...files };
  const blob = new Blob([bytes], { type });
  return { at: Date.now(), blob, recipe, label, notes, request };
}

function sizeOf(text) {
  const [width, height] = text.split("x").map(Number);
  return { width, height };
}

/** An entry with the addresses that it is shown under. */
export async function withUrl(entry) {
  const { blob } = entry;
  const url = URL.createObjectURL(blob);
  if (!isAudio(entry)) return { ...entry, url, poster: url };
  return { ...entry, url, poster: waveOf(new Uint8Array(await blob.arrayBuffer())) };
}

/** What an entry is called: its prompt, or what it is. */
export const titleOf = (entry) => entry.recipe.prompt || (isAudio(entry) ? "audio" : "image");

/** An event's image as an address, for a look on the way. */
export function previewUrl({ output_format = "png", b64_json }) {
  return `data:image/${output_format};base64,${b64_json}`;
}

/** The name of an entry's file; a number tells it from others of its seed. */
export function fileName({ blob, recipe }, number) {
  const kind = blob.type.split("/")[0];
  const name = ["denoise", recipe.seed ?? kind, number].filter((part) => part !== undefined);
  return `${name.join("-")}.${blob.type.split("/")[1].replace("jpeg", "jpg")}`;
}

/** The request of an entry as a program has it. */
export function programOf(entry) {
  const { request: { fields, image, mask, more = [] } } = entry;
  if (isAudio(entry)) return { prediction: predictionOf(fields) };
  const images = image === undefined ? 0 : 1 + more.length;
  return { fields, images, hasMask: mask !== undefined };
}

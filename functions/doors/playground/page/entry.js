/**
 * An image that was made: `blob`, `at` (milliseconds since 1970), `recipe`, `label`, `notes`, and the
 * `request` that makes it again: `fields`, and the files `image` and `mask` where it began with them.
 */

/** The entry of an image that a run has completed. */
export function entryOf(event, { label, fields }, files, notes) {
  const { prompt, num_inference_steps: steps, guidance_scale: guidanceScale, scheduler } = fields;
  const [width, height] = event.size.split("x").map(Number);
  const recipe = { prompt, steps, guidanceScale, scheduler, width, height, ...event.recipe };
  const { n: _, ...again } = fields;
  const request = { fields: { ...again, seed: String(recipe.seed ?? fields.seed) }, ...files };
  const type = `image/${event.output_format ?? "png"}`;
  const blob = new Blob([bytesOf(event.b64_json)], { type });
  return { at: Date.now(), blob, recipe, label, notes, request };
}

/** The bytes of a text in base64. */
function bytesOf(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** An event's image as an address, for a look on the way. */
export function previewUrl({ output_format = "png", b64_json }) {
  return `data:image/${output_format};base64,${b64_json}`;
}

/** The name of an entry's file; a number tells it from others of its seed. */
export function fileName({ blob, recipe }, number) {
  const name = ["denoise", recipe.seed ?? "image", number].filter((part) => part !== undefined);
  return `${name.join("-")}.${blob.type.split("/")[1].replace("jpeg", "jpg")}`;
}

/** The request of an entry as a program has it. */
export function programOf({ request: { fields, image, mask } }) {
  return { fields, hasImage: image !== undefined, hasMask: mask !== undefined };
}

import { button, make } from "./dom.js";
import { isAudio } from "./audio.js";
import { fileName } from "./entry.js";
import { given } from "./given.js";
import { takesClips } from "./own_options.js";
import { randomSeed } from "./seed.js";

/** How far a variation is from its image. */
const VARIATION_STRENGTH = 0.6;
/** How far an image that is made larger may change: details, not what is there. */
const UPSCALE_STRENGTH = 0.35;
const VARIATIONS = 4;

const canChange = (model) => model?.tasks.includes("image-to-image") === true;

/** Whether a model can begin with what was made. */
const isReadable = (entry, model) =>
  isAudio(entry) ? model !== undefined && takesClips(model) : canChange(model);

/** The fields of an entry that do not say how it began. */
function withoutStart({ request: { fields } }) {
  const { strength: _, size: __, seed: ___, ...rest } = fields;
  return rest;
}

/** How many images of that size the server makes at once. */
function countOf({ width, height }, { pixels }, limits) {
  const fitting = Math.floor(pixels.run / (width * height));
  return Math.max(1, Math.min(VARIATIONS, limits.images, fitting));
}

/** The request for images like an entry's: from it where the model can, else from other seeds. */
export function variations(entry, model, limits) {
  const { recipe, request, blob } = entry;
  if (isAudio(entry)) {
    const n = Math.min(VARIATIONS, limits.images);
    return { fields: { ...request.fields, seed: randomSeed(), n }, files: {} };
  }
  const size = recipe.width ? { width: recipe.width, height: recipe.height } : model;
  const shared = { seed: randomSeed(), n: countOf(size, model, limits) };
  if (!canChange(model)) return { fields: { ...request.fields, ...shared }, files: {} };
  const fields = { ...withoutStart(entry), size: request.fields.size, ...shared };
  return { fields: given({ ...fields, strength: VARIATION_STRENGTH }), files: { image: blob } };
}

/** The request for an entry's image at twice its size, or what fits; undefined where nothing does. */
export function upscaled(entry, model, limits) {
  const { recipe: { width, height, seed }, blob } = entry;
  if (!canChange(model) || !width) return undefined;
  const area = Math.min(4 * width * height, model.pixels.image);
  const factor = Math.min(
    Math.sqrt(area / (width * height)),
    limits.side / Math.max(width, height),
  );
  if (factor < 1.2) return undefined;
  const { sizeMultiple } = model;
  const whole = (side) => Math.floor(side * factor / sizeMultiple) * sizeMultiple;
  const size = `${whole(width)}x${whole(height)}`;
  const fields = { ...withoutStart(entry), seed: String(seed), size, strength: UPSCALE_STRENGTH };
  return { fields, files: { image: blob } };
}

/**
 * The buttons of what can be done with an image.
 *
 * @param does What is done: `useAsInput`, `run`, `reuseSeed`, `recall`, `remove`.
 */
export function toolsFor(entry, model, limits, does) {
  const larger = model === undefined ? undefined : upscaled(entry, model, limits);
  const save = make("a", { href: entry.url, download: fileName(entry) }, "Save");
  save.className = "tool";
  const tools = [
    save,
    ...isReadable(entry, model) ? [button("Use as input", () => does.useAsInput(entry))] : [],
    ...model === undefined
      ? []
      : [button("Variations", () => does.run(variations(entry, model, limits)))],
    ...larger === undefined
      ? []
      : [button("Upscale", () => does.run(larger), { title: `To ${larger.fields.size}` })],
    button("Reuse seed", () => does.reuseSeed(entry)),
    button("Reuse all", () => does.recall(entry)),
    button("Delete", () => does.remove(entry)),
  ];
  return make("div", { className: "tools", role: "group", "aria-label": "Do with it" }, ...tools);
}

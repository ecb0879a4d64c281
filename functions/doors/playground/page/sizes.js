import { $, button, make } from "./dom.js";

const RATIOS = ["1:1", "4:3", "3:4", "3:2", "2:3", "16:9", "9:16"];

/** A side as the model takes it: a multiple, within the limits. */
function whole(side, { sizeMultiple }, { side: most }) {
  const rounded = Math.round(side / sizeMultiple) * sizeMultiple;
  return Math.min(Math.max(rounded, sizeMultiple), Math.floor(most / sizeMultiple) * sizeMultiple);
}

/** A size of that ratio whose area is about the model's own. */
export function sizeOf(ratio, model, limits) {
  const height = Math.sqrt(model.width * model.height / ratio);
  return { width: whole(height * ratio, model, limits), height: whole(height, model, limits) };
}

/** The size of a run that begins with an image: its own, or of its shape where that is too large. */
export function sizeFor(width, height, model, limits) {
  const side = Math.max(width, height);
  if (side > limits.side || width * height > model.pixels.image) {
    return sizeOf(width / height, model, limits);
  }
  return { width: whole(width, model, limits), height: whole(height, model, limits) };
}

/** Puts a size into the form. */
export function putSize({ width, height }) {
  $("width").value = String(width);
  $("height").value = String(height);
  mark();
}

/** Shows the chips of a model that takes a size. */
export function showSizes(model, limits) {
  $("size-row").hidden = !model.takesSize;
  for (const id of ["width", "height"]) {
    $(id).step = model.sizeMultiple;
    $(id).max = limits.side;
    $(id).oninput = mark;
  }
  $("aspects").replaceChildren(...RATIOS.map((text) => {
    const [x, y] = text.split(":").map(Number);
    const size = sizeOf(x / y, model, limits);
    const shape = make("span", { className: "shape" });
    shape.style.aspectRatio = `${x} / ${y}`;
    const chip = button("", () => putSize(size), { "aria-pressed": "false" });
    chip.append(shape, text);
    chip.dataset.size = `${size.width}x${size.height}`;
    return chip;
  }));
  mark();
}

/** Marks the chip of the size in the form. */
function mark() {
  const size = `${$("width").value}x${$("height").value}`;
  for (const chip of $("aspects").children) {
    chip.setAttribute("aria-pressed", String(chip.dataset.size === size));
  }
}

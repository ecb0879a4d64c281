import { $, make } from "./dom.js";
import { base64Of, isImage, isTooLarge } from "./files.js";

/** The images that are chosen, in base64, by the names of their ControlNets. */
const images = new Map();

/** What the server takes, as it says itself. */
let limits = {};

/** The row of a ControlNet: whether it takes part, how much, of which kind its image is, and that image. */
function rowOf(name, { modes }, { scale, mode } = {}) {
  const box = make("input", { type: "checkbox", value: name, checked: scale !== undefined });
  const number = make("input", { type: "number", min: "0", max: "2", step: "0.05" });
  number.value = String(scale ?? 1);
  number.setAttribute("aria-label", `Scale of ${name}`);
  number.oninput = () => box.checked = true;
  const kind = make("input", { type: "number", min: "0", step: "1", className: "mode" });
  kind.max = String((modes ?? 1) - 1);
  kind.value = String(mode ?? 0);
  kind.hidden = modes === undefined;
  kind.title = "The kind of the image, as the ControlNet counts them from 0 on";
  kind.setAttribute("aria-label", `Kind of the image that ${name} reads`);
  kind.oninput = () => box.checked = true;
  const file = make("input", { type: "file", accept: "image/png,image/jpeg,image/webp,image/gif" });
  file.setAttribute("aria-label", `Image that ${name} reads`);
  const shown = make("img", { alt: `What ${name} reads`, hidden: true, height: 48 });
  const row = make(
    "div",
    {},
    make("label", { className: "check" }, box, ` ${name}`),
    number,
    kind,
    file,
    shown,
  );
  file.onchange = async () => {
    if (file.files.length === 0) return;
    if (await take(name, file.files[0])) box.checked = true;
    else file.value = "";
    show(row, name);
  };
  show(row, name);
  return row;
}

/** Takes an image; says what is wrong with a file that is none, and is false then. */
async function take(name, file) {
  if (isTooLarge(file, limits) || !await isImage(file)) return false;
  images.set(name, await base64Of(file));
  return true;
}

function show(row, name) {
  const shown = row.querySelector("img");
  shown.hidden = !images.has(name);
  if (!shown.hidden) shown.src = `data:;base64,${images.get(name)}`;
}

/** Shows the ControlNets that the server has for a model, each with its image and scale. */
export function showControls({ controlNets = {} }, serverLimits) {
  limits = serverLimits;
  const before = chosen();
  const nets = Object.entries(controlNets);
  $("controls").hidden = nets.length === 0;
  $("control-list").replaceChildren(
    ...nets.map(([name, net]) => rowOf(name, net, before.find((one) => one.name === name))),
  );
}

function chosen() {
  return [...$("control-list").children].flatMap((row) => {
    const box = row.querySelector("[type=checkbox]");
    if (!box.checked) return [];
    const [scale, kind] = row.querySelectorAll("[type=number]");
    const mode = kind.hidden ? {} : { mode: Number(kind.value) };
    const image = images.get(box.value);
    return [{ name: box.value, image, scale: Number(scale.value), ...mode }];
  });
}

/** The ControlNets that are chosen, as the images routes take them; `missing` names one without an image. */
export function readControls() {
  const controls = chosen();
  return { controls, missing: controls.find(({ image }) => image === undefined)?.name };
}

/** Chooses these ControlNets with their images, and no others. */
export function putControls(controls) {
  for (const row of $("control-list").children) {
    const box = row.querySelector("[type=checkbox]");
    const found = controls.find(({ name }) => name === box.value);
    box.checked = found !== undefined;
    if (found !== undefined) images.set(found.name, found.image);
    const [scale, kind] = row.querySelectorAll("[type=number]");
    scale.value = String(found?.scale ?? 1);
    kind.value = String(found?.mode ?? 0);
    row.querySelector("[type=file]").value = "";
    show(row, box.value);
  }
}

import { $, make } from "./dom.js";
import { say } from "./message.js";

/** The images that are chosen, in base64, by the names of their ControlNets. */
const images = new Map();

/** The row of a ControlNet: whether it takes part, how much, and the image that it reads. */
function rowOf(name, scale) {
  const box = make("input", { type: "checkbox", value: name, checked: scale !== undefined });
  const number = make("input", { type: "number", min: "0", max: "2", step: "0.05" });
  number.value = String(scale ?? 1);
  number.setAttribute("aria-label", `Scale of ${name}`);
  number.oninput = () => box.checked = true;
  const file = make("input", { type: "file", accept: "image/png,image/jpeg,image/webp,image/gif" });
  file.setAttribute("aria-label", `Image that ${name} reads`);
  const shown = make("img", { alt: `What ${name} reads`, hidden: true, height: 48 });
  const row = make(
    "div",
    {},
    make("label", { className: "check" }, box, ` ${name}`),
    number,
    file,
    shown,
  );
  file.onchange = async () => {
    if (file.files.length === 0) return;
    await take(name, file.files[0]);
    box.checked = images.has(name);
    show(row, name);
  };
  show(row, name);
  return row;
}

/** Takes an image; says what is wrong with a file that is none. */
async function take(name, file) {
  try {
    (await createImageBitmap(file)).close();
  } catch {
    say("This file is no image that the browser can read: choose a PNG, JPEG, WebP or GIF");
    return;
  }
  images.set(name, await base64Of(file));
}

function base64Of(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.replace(/^data:[^,]*,/, ""));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

function show(row, name) {
  const shown = row.querySelector("img");
  shown.hidden = !images.has(name);
  if (!shown.hidden) shown.src = `data:;base64,${images.get(name)}`;
}

/** Shows the ControlNets that the server has for a model, each with its image and scale. */
export function showControls({ controlNets = [] }) {
  const before = chosen();
  $("controls").hidden = controlNets.length === 0;
  $("control-list").replaceChildren(
    ...controlNets.map((name) => rowOf(name, before.find((one) => one.name === name)?.scale)),
  );
}

function chosen() {
  return [...$("control-list").children].flatMap((row) => {
    const box = row.querySelector("[type=checkbox]");
    const scale = Number(row.querySelector("[type=number]").value);
    return box.checked ? [{ name: box.value, image: images.get(box.value), scale }] : [];
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
    row.querySelector("[type=number]").value = String(found?.scale ?? 1);
    row.querySelector("[type=file]").value = "";
    show(row, box.value);
  }
}

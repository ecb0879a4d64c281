import { capabilities, draw } from "./api.js";
import { readForm, readSchedulers, showCapabilities, showRecipe } from "./form.js";
import { remember, showHistory } from "./history.js";
import { MaskEditor } from "./mask.js";
import { readRecipe } from "./recipe.js";
import { snippet } from "./snippets.js";

const $ = (id) => document.getElementById(id);
const editor = new MaskEditor($("canvas"), $("brush"));
let running;
let last;

const say = (text) => $("message").textContent = text;
const key = () => $("key").value.trim();

/** Waits until the server has its models. */
async function greet() {
  try {
    const found = await capabilities(key());
    $("key-row").hidden = key() === "";
    if (found.models.length === 0) {
      $("state").textContent = "The models are being loaded …";
      setTimeout(greet, 1000);
      return;
    }
    showCapabilities(found);
    $("state").textContent = found.models.map(({ id }) => id).join(", ");
  } catch (error) {
    if (error.status === 401) {
      $("key-row").hidden = false;
      $("state").textContent = "This server asks for a key";
    } else {
      $("state").textContent = error.message;
      setTimeout(greet, 3000);
    }
  }
}

/** A place for an image that is being made. */
function frame(title) {
  const figure = document.createElement("figure");
  const image = new Image();
  image.alt = "";
  const bar = document.createElement("progress");
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", `Progress of ${title}`);
  const caption = document.createElement("figcaption");
  caption.textContent = title;
  figure.append(image, bar, caption);
  $("results").append(figure);
  return { figure, image, bar, caption };
}

function source(event) {
  return `data:image/${event.output_format ?? "png"};base64,${event.b64_json}`;
}

/** Shows a finished image, with a link that saves it. */
function finish({ image, bar, caption }, src, recipe) {
  image.src = src;
  image.alt = recipe.prompt || "image";
  bar.remove();
  const link = document.createElement("a");
  link.href = src;
  link.download = `denoise-${recipe.seed ?? "image"}.${
    src.startsWith("data:image/png") ? "png" : "jpg"
  }`;
  link.textContent = "Save";
  const facts = [
    recipe.scheduler?.replace(/Scheduler$/, ""),
    `seed ${recipe.seed}`,
    `${recipe.steps} steps`,
  ];
  caption.replaceChildren(`${facts.filter(Boolean).join(", ")} `, link);
}

/** Draws with one scheduler. */
async function drawOne(fields, given, signal) {
  const title = fields.scheduler?.replace(/Scheduler$/, "") ?? "the model's own scheduler";
  let place = frame(title);
  try {
    for await (const event of draw(fields, given, key(), signal)) {
      if (event.kind === "queued") {
        say(event.position > 0 ? `Waiting, ${event.position} before this` : "Starting …");
      } else if (event.kind === "step") {
        place.bar.max = event.of;
        place.bar.value = event.step;
        say(`Step ${event.step} of ${event.of}, ${(event.eta_ms / 1000).toFixed(1)} s left`);
      } else if (event.kind === "partial_image") {
        place.image.src = source(event);
        place.image.alt = "The image as it emerges";
      } else if (event.kind === "warning") {
        say(event.message);
      } else if (event.kind === "completed") {
        const { prompt, num_inference_steps: steps, scheduler } = fields;
        const recipe = { prompt, steps, scheduler, ...event.recipe };
        place ??= frame(title);
        finish(place, source(event), recipe);
        last = { fields, hasImage: given.image !== undefined, hasMask: given.mask !== undefined };
        remember({ source: source(event), recipe, request: last });
        place = undefined;
      }
    }
  } catch (error) {
    place?.figure.remove();
    throw error;
  }
}

async function submit() {
  say("Sending …");
  const fields = readForm();
  const given = $("editor").hidden
    ? {}
    : { image: await editor.image(), mask: await editor.mask() };
  if (given.image !== undefined) {
    fields.strength = Number($("strength").value);
    if (given.mask === undefined) delete fields.size;
  }
  const schedulers = readSchedulers();
  if (schedulers.length > 1) {
    fields.seed ??= String(crypto.getRandomValues(new Uint32Array(1))[0]);
  }
  running = new AbortController();
  $("draw").disabled = true;
  $("cancel").disabled = false;
  $("results").replaceChildren();
  $("message").scrollIntoView({ block: "nearest" });
  try {
    for (const scheduler of schedulers) {
      const request = scheduler === undefined ? fields : { ...fields, scheduler };
      await drawOne(request, given, running.signal);
    }
    $("snippets").hidden = false;
    say("Done");
  } catch (error) {
    say(running.signal.aborted ? "Cancelled" : error.message);
    if (error.status === 401) $("key-row").hidden = false;
  } finally {
    running = undefined;
    $("draw").disabled = false;
    $("cancel").disabled = true;
    showHistory($("history"), choose);
  }
}

/** Brings an image of the history back. */
function choose({ source, recipe, request }) {
  $("results").replaceChildren();
  finish(frame(""), source, recipe);
  showRecipe(recipe);
  last = request;
  $("snippets").hidden = request === undefined;
  say("The recipe of this image is in the form");
}

/** Takes a file to begin with; a PNG with a recipe fills the form. */
async function take(file) {
  if (file === undefined) return;
  try {
    const recipe = await readRecipe(file);
    if (recipe !== undefined) showRecipe(recipe);
    await editor.open(file);
    $("editor").hidden = false;
    say(recipe === undefined ? "Image taken" : "Image and its recipe taken");
  } catch {
    say("This file is no image that the browser can read: choose a PNG, JPEG, WebP or GIF");
  }
}

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});
$("prompt").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("form").requestSubmit();
});
$("cancel").addEventListener("click", () => running?.abort());
$("key").addEventListener("change", greet);
$("file").addEventListener("change", (event) => take(event.target.files[0]));
$("clear-mask").addEventListener("click", () => editor.clear());
$("remove-image").addEventListener("click", () => {
  $("editor").hidden = true;
  $("file").value = "";
});
for (const name of ["dragover", "dragleave", "drop"]) {
  $("drop").addEventListener(name, (event) => {
    event.preventDefault();
    $("drop").classList.toggle("over", name === "dragover");
    if (name === "drop") take(event.dataTransfer.files[0]);
  });
}
for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(snippet(button.dataset.language, last, location.origin));
    say(`${button.textContent.replace("Copy as", "Copied as")}`);
  });
}
showHistory($("history"), choose);
greet();

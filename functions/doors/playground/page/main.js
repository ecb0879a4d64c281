import { toolsFor } from "./actions.js";
import { isAudio } from "./audio.js";
import { copy } from "./clipboard.js";
import { requestsOf } from "./compare.js";
import { $, hasDialog } from "./dom.js";
import { programOf } from "./entry.js";
import { surprise } from "./examples.js";
import { Form, markFault } from "./form.js";
import { Frame } from "./frame.js";
import { Gallery } from "./gallery.js";
import { greet } from "./greet.js";
import { Lightbox } from "./lightbox.js";
import { recallFields, recallKey, remember } from "./memory.js";
import { say, showNotes } from "./message.js";
import { showClips, takeClip } from "./own_options.js";
import { fieldsOfRecipe } from "./recipe.js";
import { Runs } from "./runs.js";
import { lockSeed, nextSeed, wireSeed } from "./seed.js";
import { wireSettings } from "./settings.js";
import { putSize, sizeFor } from "./sizes.js";
import { snippet } from "./snippets.js";
import { StartImage } from "./start.js";

const form = new Form();
const lightbox = new Lightbox();
const runs = new Runs(form, {
  onBegin() {
    inView = [];
    $("snippets").hidden = true;
  },
  onImage: async (entry, frame) => finish(frame, await gallery.add(entry)),
});
const gallery = new Gallery((entries, at) => showAgain(entries[at]));
const start = new StartImage({
  limits: () => form.limits,
  model: () => form.model,
  onSize(width, height) {
    if (form.model?.takesSize) putSize(sizeFor(width, height, form.model, form.limits));
  },
  onFiles: (files) => form.showFiles(files),
  onRecipe(recipe) {
    recallRequest({ fields: fieldsOfRecipe(recipe) });
  },
});

/** The images in view, in order. */
let inView = [];

const does = {
  async useAsInput(entry) {
    if (isAudio(entry)) {
      if (await takeClip(entry.blob)) showClips();
      return;
    }
    await start.set(entry.blob);
    start.reveal();
    say("The image is where the next run begins");
  },
  run: ({ fields, files }) => runs.run([{ label: "", fields }], files),
  reuseSeed({ recipe }) {
    lockSeed(String(recipe.seed));
    say(`The seed is ${recipe.seed}, and stays`);
  },
  recall: ({ request }) => recallRequest(request),
  async remove(entry) {
    await gallery.remove(entry);
    if (inView.at(-1) === entry) $("snippets").hidden = true;
    inView = inView.filter((other) => other !== entry);
    frames.get(entry)?.remove();
    say("Deleted");
  },
};

const frames = new WeakMap();

/** Puts a finished image into its frame. */
function finish(frame, entry) {
  inView.push(entry);
  frames.set(entry, frame);
  const tools = toolsFor(entry, form.modelOf(entry.request.fields.model), form.limits, does);
  frame.finish(entry, tools, () => lightbox.open(inView, inView.indexOf(entry)));
  $("snippets").hidden = false;
}

/** Shows an image of the gallery as it was shown when it was made. */
function showAgain(entry) {
  const { fields } = entry.request;
  const [width, height] = [entry.recipe.width ?? 1, entry.recipe.height ?? 1];
  inView = [];
  $("results").replaceChildren();
  const shape = { ...fields, size: isAudio(entry) ? undefined : `${width}x${height}` };
  const frame = new Frame(entry.label, shape, { makes: isAudio(entry) ? "audio" : "images" });
  finish(frame, entry);
  showNotes(entry.notes ?? []);
  say("Shown again; Reuse all puts everything that made it into the form");
  frame.reveal();
}

/** Puts everything that a request has into the form, its files too, and nothing else. */
async function recallRequest({ fields, image, mask, more }) {
  if (image === undefined) start.remove();
  else await start.set(image, mask);
  const missing = form.put(fields);
  start.setMore(more ?? []);
  say(
    missing.length === 0
      ? `The form has what made this: ${$("draw").textContent} makes it again`
      : `The form has what made this, but this server does not have ${missing.join(", ")}`,
  );
}

async function submit() {
  let requests, files;
  say("Sending …");
  try {
    files = await start.files();
    requests = requestsOf({ ...form.read(files), seed: nextSeed() });
  } catch (error) {
    say(error.message);
    markFault(error.param);
    return;
  }
  await runs.run(requests, files);
}

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});
$("prompt").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("form").requestSubmit();
});
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !hasDialog()) runs.cancel();
});
$("surprise").onclick = () => {
  $("prompt").value = surprise(form.model);
  $("form").requestSubmit();
};
for (const button of document.querySelectorAll("[data-language]")) {
  button.onclick = async () => {
    const program = snippet(button.dataset.language, programOf(inView.at(-1)), location.origin);
    const copied = await copy(program);
    say(
      copied ? button.textContent.replace("Copy as", "Copied as") : "Select the text and copy it",
    );
  };
}

recallKey();
wireSeed();
let isFirst = true;
const meet = () =>
  greet((found) => {
    form.show(found);
    if (!isFirst) return;
    isFirst = false;
    recallFields();
    remember((id) => form.isOwn(id));
  });
wireSettings(meet);
gallery.load();
meet();

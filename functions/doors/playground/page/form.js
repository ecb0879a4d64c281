import { makesAudio } from "./audio.js";
import { $ } from "./dom.js";
import { compareNothing, showCompared } from "./compare.js";
import { putControls, readControls, showControls } from "./controls.js";
import { given } from "./given.js";
import { showExamples } from "./examples.js";
import { putLoras, readLoras, showLoras } from "./loras.js";
import { schedulerName } from "./names.js";
import { ownId, putOwnOptions, readOwnOptions, showOwnOptions } from "./own_options.js";
import { lockSeed } from "./seed.js";
import { putSize, showSizes } from "./sizes.js";

/** The inputs of the fields of a request, by the server's names. */
const INPUTS = {
  prompt: "prompt",
  negative_prompt: "negative",
  lyrics: "lyrics",
  prompt_syntax: "syntax",
  model: "model",
  n: "count",
  num_inference_steps: "steps",
  guidance_scale: "guidance",
  seed: "seed",
  size: "width",
  audio_length_in_s: "seconds",
  scheduler: "scheduler",
  strength: "strength",
  image: "file",
  mask: "edit-mask",
};

/** A mistake in the form, which the user can mend. */
export class FormError extends Error {
  /** @param param The field at fault, by the server's name. */
  constructor(message, param) {
    super(message);
    this.param = param;
  }
}

/** Marks the input of a field that is at fault, and goes there; takes older marks away. */
export function markFault(param) {
  for (const marked of document.querySelectorAll("[aria-invalid]")) {
    marked.removeAttribute("aria-invalid");
  }
  const input = $(INPUTS[param] ?? ownId(param));
  if (input === null) return;
  input.setAttribute("aria-invalid", "true");
  input.focus();
}

function numberOf(param) {
  const input = $(INPUTS[param]);
  if (input.validity.badInput) {
    const name = input.labels[0]?.textContent.trim() ?? input.ariaLabel;
    throw new FormError(`${name} must be a number`, param);
  }
  return input.value === "" ? undefined : Number(input.value);
}

/** The size in the form, or undefined where it is left to the model. */
function sizeField({ takesSize }) {
  const [width, height] = [$("width").value, $("height").value];
  if (!takesSize || (width === "" && height === "")) return undefined;
  if (width !== "" && height !== "") return `${width}x${height}`;
  throw new FormError("Give both width and height, or neither", "size");
}

const isUnconditional = ({ tasks }) => tasks[0] === "unconditional";

/** Whether a model reads a prompt: those that make an image larger, for one, read none. */
const readsText = (model) => !isUnconditional(model) && model.takesPrompt !== false;

/** What a run of a model on such files does. */
function taskOf({ tasks }, { image, mask }) {
  const [own] = tasks;
  if (image === undefined) return own;
  const task = mask === undefined ? "image-to-image" : "inpaint";
  return tasks.includes(task) ? task : own;
}

/** Whether a run of a model changes an image by a strength: one that reads it as a reference does not. */
function takesStrength(model, files) {
  if (files.image === undefined) return false;
  const { tasks, strengthTasks = tasks } = model;
  return strengthTasks.includes(taskOf(model, files));
}

/** Tasks that begin with no image. */
const WITHOUT_IMAGE = ["text-to-image", "text-to-audio", "unconditional"];

/** The form: what the server can do, and what of it is asked for. */
export class Form {
  #models = [];
  #limits = {};
  /** What the model that is chosen would do by itself, as it stands in the fields. */
  #own = {};
  /** What a run begins with. */
  #files = {};

  constructor() {
    $("model").onchange = () => this.#showModel();
  }

  /** The model that is chosen. */
  get model() {
    return this.#models.find(({ id }) => id === $("model").value);
  }

  /** The model of that name, or undefined. */
  modelOf(id) {
    return this.#models.find((model) => model.id === id);
  }

  /** The limits of the server. */
  get limits() {
    return this.#limits;
  }

  /** Whether an input has what the model that is chosen would do by itself. */
  isOwn(id) {
    return $(id).value === String(this.#own[id] ?? "");
  }

  /** Fills models and limits in; what the user has chosen stays. */
  show({ models, limits }) {
    const keep = $("model").value;
    this.#models = models;
    this.#limits = limits;
    $("model").replaceChildren(...models.map(({ id }) => new Option(id, id)));
    if (this.modelOf(keep) !== undefined) $("model").value = keep;
    $("steps").max = limits.steps;
    $("count").max = limits.images;
    this.#showModel();
  }

  /** What the form says, as fields of the images routes, for a run on these files; what is empty is left to the model. */
  read({ image, mask }) {
    const { model } = this;
    if (model === undefined) throw new FormError("The server has no model yet: wait for it");
    const loras = readLoras();
    const { controls, missing } = readControls();
    if (missing !== undefined) {
      throw new FormError(`Choose the image that ${missing} reads`, "controlnets");
    }
    const { own, wrong } = readOwnOptions();
    if (wrong !== undefined) {
      throw new FormError(`${wrong.replaceAll("_", " ")} must be a number`, wrong);
    }
    const takesText = readsText(model);
    if (takesText && $("prompt").value.trim() === "") {
      const what = makesAudio(model) ? "is to be heard" : "the image should show";
      throw new FormError(`Write what ${what}, or take one of the examples`, "prompt");
    }
    return given({
      ...own,
      prompt: takesText ? $("prompt").value : undefined,
      negative_prompt: takesText && $("negative").value || undefined,
      lyrics: model.takesLyrics && $("lyrics").value || undefined,
      prompt_syntax: takesText && model.takesPromptSyntax && $("syntax").value || undefined,
      model: model.id,
      n: numberOf("n"),
      num_inference_steps: numberOf("num_inference_steps"),
      guidance_scale: !isUnconditional(model) ? numberOf("guidance_scale") : undefined,
      size: sizeField(model),
      audio_length_in_s: model.takesLength ? numberOf("audio_length_in_s") : undefined,
      scheduler: $("scheduler").value || undefined,
      strength: takesStrength(model, { image, mask }) ? numberOf("strength") : undefined,
      loras: loras.length === 0 ? undefined : loras,
      controlnets: controls.length === 0 ? undefined : controls,
    });
  }

  /**
   * Puts the fields of a request into the form, and empties those that it leaves to the model.
   *
   * @returns What of it this server does not have.
   */
  put(fields) {
    const missing = [];
    if (this.modelOf(fields.model) !== undefined) {
      $("model").value = fields.model;
      this.#showModel();
    } else if (fields.model !== undefined) missing.push(`the model ${fields.model}`);
    for (const [param, id] of Object.entries(INPUTS)) {
      if (["model", "scheduler", "size", "image", "mask", "strength"].includes(param)) continue;
      $(id).value = String(fields[param] ?? "");
    }
    if (fields.strength !== undefined) $("strength").value = String(fields.strength);
    if (fields.n === undefined) $("count").value = "1";
    const [width = "", height = ""] = fields.size?.split("x") ?? [];
    putSize({ width, height });
    if (fields.seed !== undefined) lockSeed(fields.seed);
    compareNothing();
    const isOwn = fields.scheduler === this.model?.scheduler;
    $("scheduler").value = isOwn ? "" : fields.scheduler ?? "";
    if ($("scheduler").selectedIndex < 0) {
      $("scheduler").value = "";
      missing.push(`the scheduler ${fields.scheduler}`);
    }
    putControls(fields.controlnets ?? []);
    const controlNets = this.model?.controlNets ?? {};
    for (const { name } of fields.controlnets ?? []) {
      if (!Object.hasOwn(controlNets, name)) missing.push(`the ControlNet ${name}`);
    }
    putOwnOptions(fields);
    putLoras(fields.loras ?? []);
    const loras = this.model?.loras ?? [];
    for (const { name } of fields.loras ?? []) {
      if (!loras.includes(name)) missing.push(`the LoRA ${name}`);
    }
    return missing;
  }

  /** Shows what the model does by itself with these files, in the fields that the user has not changed. */
  showFiles(files) {
    this.#files = files;
    if (this.model !== undefined) this.#showOwn();
  }

  /** Shows what the model that is chosen takes. */
  #showModel() {
    const { model } = this;
    const { scheduler, schedulers, tasks } = model;
    const keep = $("scheduler").value;
    $("scheduler").replaceChildren(
      new Option(`${schedulerName(scheduler)} (default)`, "", true, true),
      ...schedulers.filter((id) => id !== scheduler).map((id) => new Option(schedulerName(id), id)),
    );
    if (schedulers.includes(keep)) $("scheduler").value = keep;
    const takesImage = tasks.some((task) => !WITHOUT_IMAGE.includes(task));
    $("start").hidden = !takesImage;
    $("prompts").hidden = !readsText(model);
    $("guidance").parentElement.hidden = isUnconditional(model);
    $("strength").parentElement.hidden = model.strengthTasks?.length === 0;
    $("edit-mask").hidden = !tasks.includes("inpaint");
    this.#showKind(model);
    this.#showOwn();
    showExamples(model);
    showSizes(model, this.#limits);
    showCompared(this.#models, model);
    showControls(model, this.#limits);
    showOwnOptions(model, this.#limits);
    $("syntax-row").hidden = !readsText(model) || !model.takesPromptSyntax;
    showLoras(model);
  }

  /** Shows the words and fields of what the model makes. */
  #showKind(model) {
    const isAudio = makesAudio(model);
    $("seconds-row").hidden = !model.takesLength;
    $("lyrics-row").hidden = !model.takesLyrics;
    $("seconds").max = model.max_seconds ?? "";
    $("count-label").textContent = isAudio ? "Clips" : "Images";
    $("prompt").placeholder = isAudio ? "What is to be heard" : "What the image should show";
    $("negative").placeholder = isAudio ? "What is not to be heard" : "What it should not show";
    $("draw").textContent = isAudio ? "Make audio" : "Draw";
  }

  /** Puts the model's own values into the fields that the user has not changed. */
  #showOwn() {
    const { model } = this;
    const { defaults = {}, width, height, takesSize, takesLength, seconds } = model;
    const { steps, guidanceScale: guidance, strength } = defaults[taskOf(model, this.#files)] ?? {};
    const own = {
      ...{ steps, guidance, strength },
      seconds: takesLength ? seconds : undefined,
      ...takesSize ? { width, height } : {},
    };
    for (const id of ["steps", "guidance", "strength", "width", "height", "seconds"]) {
      if ($(id).value === "" || this.isOwn(id)) $(id).value = String(own[id] ?? "");
    }
    this.#own = own;
  }
}

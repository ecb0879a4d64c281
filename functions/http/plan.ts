import { roleKey } from "@denoise/core";
import { schedulerNamed } from "@denoise/loading";
import { invalid, ServeError } from "../contract/errors.ts";
import type { ControlUse, Job, JobFormat, JobInput, SecondPass, Task } from "../contract/job.ts";
import { makeJobId } from "../contract/job_id.ts";
import type { Priority, Quota } from "../contract/quota.ts";
import { type Limits, MIN_SIDE } from "../contract/limits.ts";
import {
  computedImages,
  longestAudio,
  type SizeLimits,
  sizeProblem,
} from "../contract/size_limits.ts";
import type { ControlAbility, ControlKind, ModelInfo } from "../contract/model_info.ts";
import { activeTrace } from "../observe/tracing.ts";
import type { DoorContext } from "./context.ts";
import { type OtherFields, settleOwnOptions } from "./own_options.ts";

/** A second pass whose size follows from that of the first: by a side or two, else by the scale. */
export interface SecondPassRequest extends Omit<SecondPass, "width" | "height"> {
  /** How much larger than the first pass. */
  readonly scale: number;
  /** Pixels. */
  readonly width?: number | undefined;
  /** Pixels. */
  readonly height?: number | undefined;
}

/** What a door has understood of a request. */
export interface RunRequest extends Partial<Omit<JobInput, "scheduler" | "secondPass" | "format">> {
  /** What its caller can take: images alone, audio alone, or any. Defaults to `"images"`. */
  readonly wants?: "images" | "audio" | "any" | undefined;
  /** File format of the results. Defaults to PNG, of audio to WAV. */
  readonly format?: JobFormat | undefined;
  /** A second pass, made larger. */
  readonly secondPass?: SecondPassRequest | undefined;
  /** Public name of the model. Defaults to the first that does the task, with the ControlNets that are named. */
  readonly model?: string | undefined;
  /** What to do; follows from what is given unless said. */
  readonly task?: Task | undefined;
  /** Name of the scheduler, whole or short. */
  readonly scheduler?: string | undefined;
  /** After how many steps each a preview is sent, in the place of `previews`. */
  readonly previewEvery?: number | undefined;
}

/** How a request becomes a job. */
export interface PlanOptions {
  /** Whose request it is. */
  readonly owner: string;
  /** How long the job may take, in milliseconds, where its caller says. */
  readonly timeoutMs?: number | undefined;
  /** `"batch"` where its caller can wait for others; that of the key by default. */
  readonly priority?: Priority | undefined;
  /** The door's own names of fields, where they differ. */
  readonly names?: Readonly<Record<string, string>> | undefined;
  /** What of the request was left aside, for the answer to name. */
  readonly warnings?: readonly string[] | undefined;
  /** Fields that the door has no rule for: options of the model's pipeline, or nothing. */
  readonly others?: OtherFields | undefined;
  /** An id of the caller's own. */
  readonly id?: string | undefined;
  /** How long the result is kept. */
  readonly keepMs?: number | undefined;
  /** Fires when the caller is gone. */
  readonly signal: AbortSignal;
}

/**
 * Makes a job of a request: settles model, task, scheduler and seed, and checks what does not depend
 * on one field alone. Waits until the models are ready.
 *
 * @throws {ServeError} that names the field at fault, under the door's name for it.
 */
export async function planJob(
  context: DoorContext,
  request: RunRequest,
  options: PlanOptions,
): Promise<Job> {
  const { model: wanted, task: asked, wants = "images", previewEvery, ...rest } = request;
  const nameOf = (field: string): string => options.names?.[field] ?? field;
  const models = await context.readyModels(options.signal);
  const task = asked ?? impliedTask(request);
  const named = wanted && aliasOf(wanted, models, context.modelAliases);
  refuseBroken(context, named);
  const model = chooseModel(models, named, task, { ...request, wants }, nameOf("model"));
  const settled = settleTask(model, task);
  const makesAudio = model.makes === "audio";
  const quota = context.quotaOf(options.owner);
  const limits = limitsUnder(context.limits, quota);
  const count = rest.count ?? 1;
  const steps = rest.steps ?? model.defaults?.[settled]?.steps;
  const others = options.others ?? { fields: {} };
  const own = await settleOwnOptions(others, model, settled, count, limits, context.store);
  const input: JobInput = {
    ...rest,
    count,
    ...own.given,
    format: rest.format ?? (makesAudio ? "wav" : "png"),
    previews: rest.previews ?? previewsOf(previewEvery, steps, limits),
    seed: rest.seed ?? randomSeed(),
    scheduler: rest.scheduler && findScheduler(rest.scheduler, context.schedulers, nameOf),
    secondPass: rest.secondPass && settleSecondPass(rest.secondPass, rest, model, context, nameOf),
  };
  checkPrompts(input, context, nameOf);
  checkGiven(model, settled, input, nameOf);
  checkImages(model, input, nameOf);
  checkFormat(model, input, nameOf);
  checkControls(model, models, settled, input, nameOf);
  if (!makesAudio) checkSize(model, settled, input, limits, nameOf);
  checkLength(model, input, limits, nameOf);
  checkLyrics(model, input, nameOf);
  checkSecondPass(model, settled, input, limits, nameOf);
  checkSteps(steps, model, rest.steps !== undefined, quota, nameOf);
  checkFiles(input, context, nameOf);
  return {
    id: options.id ?? makeJobId(),
    owner: options.owner,
    model: model.id,
    task: settled,
    input,
    createdAt: Date.now(),
    keepMs: options.keepMs ?? 0,
    names: options.names,
    warnings: [...options.warnings ?? [], ...own.warnings, ...checkTime(options, context)],
    keyPixels: quota.maxPixels,
    timeoutMs: options.timeoutMs,
    priority: options.priority ?? quota.priority ?? "interactive",
    traceparent: activeTrace(),
  };
}

function impliedTask({ image, mask }: RunRequest): Task | undefined {
  if (mask !== undefined) return "inpaint";
  return image === undefined ? undefined : "image-to-image";
}

/** A model that is there and cannot be loaded is another thing than one that is not there. */
function refuseBroken({ models: { state } }: DoorContext, wanted: string | undefined): void {
  const broken = state.phase === "ready" ? state.broken ?? [] : [];
  if (!broken.some(({ id }) => id === wanted)) return;
  const message = `${wanted} could not be loaded; the server's log says why`;
  throw new ServeError("model_unavailable", message);
}

/** The model that a name stands for: itself, or what the table of aliases says; `*` ends many names. */
function aliasOf(
  wanted: string,
  models: readonly ModelInfo[],
  aliases: DoorContext["modelAliases"],
): string {
  if (models.some(({ id }) => id === wanted)) return wanted;
  const found = Object.entries(aliases).find(([name]) =>
    name.endsWith("*") ? wanted.startsWith(name.slice(0, -1)) : name === wanted
  );
  return found?.[1] ?? wanted;
}

function chooseModel(
  models: readonly ModelInfo[],
  wanted: string | undefined,
  task: Task | undefined,
  { wants, controls = [] }: Pick<RunRequest, "controls"> & Required<Pick<RunRequest, "wants">>,
  field: string,
): ModelInfo {
  const isWanted = ({ makes = "images" }: ModelInfo) => wants === "any" || makes === wants;
  if (wanted === undefined) {
    const able = models.filter((model) =>
      isWanted(model) && (task === undefined || model.tasks.includes(task))
    );
    const hasControls = ({ controlNets = {} }: ModelInfo) =>
      controls.every(({ name }) => Object.hasOwn(controlNets, name));
    const first = able.find(hasControls) ?? able[0];
    if (first !== undefined) return first;
    const deed = task === undefined ? `make ${wants}` : `do ${task}`;
    throw invalid(undefined, `Cannot ${deed}: no model here does; ${abilities(models)}`);
  }
  const found = models.find(({ id }) => id === wanted);
  if (found !== undefined && isWanted(found)) return found;
  if (found !== undefined) {
    const { makes = "images" } = found;
    throw invalid(
      field,
      `Cannot make ${wants} with ${wanted}, which makes ${makes}: ask for it at POST /predictions`,
    );
  }
  const message = `There is no model ${JSON.stringify(wanted)} here; ${abilities(models)}`;
  throw new ServeError("model_not_found", message, { field });
}

function abilities(models: readonly ModelInfo[]): string {
  return models.map(({ id, tasks }) => `${id} does ${tasks.join(", ")}`).join("; ");
}

/** An image given to a model that sees its depth is looked at that way. */
function settleTask(model: ModelInfo, task: Task | undefined): Task {
  if (task === undefined) {
    const [own] = model.tasks;
    return model.tasks.includes("text-to-image") ? "text-to-image" : own!;
  }
  if (model.tasks.includes(task)) return task;
  const depth = task === "image-to-image" && model.tasks.includes("depth-to-image");
  if (depth) return "depth-to-image";
  throw invalid(undefined, `Cannot do ${task} with ${model.id}: ${abilities([model])}`);
}

/** Tasks that begin with no image. */
const WITHOUT_IMAGE: readonly Task[] = ["text-to-image", "text-to-audio", "unconditional"];

type NameOf = (field: string) => string;

/** A caller can have less time than the server gives, not more. */
function checkTime({ timeoutMs = 0 }: PlanOptions, { limits }: DoorContext): string[] {
  if (timeoutMs <= limits.jobTimeoutMs) return [];
  return [
    `Cancel-After was cut to the ${limits.jobTimeoutMs / 1000} seconds that the server allows`,
  ];
}

/** What all may ask for, and what a key may. */
function limitsUnder(
  limits: Limits,
  { maxPixels: keyPixels, maxSteps = Infinity }: Quota,
): Limits & SizeLimits {
  return { ...limits, keyPixels, maxSteps: Math.min(maxSteps, limits.maxSteps) };
}

/** How many previews of a run of so many steps are one after so many each. */
function previewsOf(
  every: number | undefined,
  steps: number | undefined,
  { maxPreviews }: Limits,
): number {
  if (every === undefined) return 0;
  return steps === undefined ? maxPreviews : Math.min(maxPreviews, Math.floor((steps - 1) / every));
}

/** The steps of a run, those that the model has by itself too, are no more than the key's. */
function checkSteps(
  steps: number | undefined,
  { id }: ModelInfo,
  isGiven: boolean,
  { maxSteps = Infinity }: Quota,
  nameOf: NameOf,
): void {
  if (steps === undefined || steps <= maxSteps) return;
  const field = nameOf("steps");
  const own = isGiven ? "" : `; ${id} takes ${steps} where a request does not say`;
  throw invalid(field, `${field} can be ${maxSteps} at most with this key${own}`);
}

/** Before anything is cut into tokens, whose cost grows with the length. */
function checkPrompts(
  { prompt, negativePrompt, lyrics }: JobInput,
  { limits }: DoorContext,
  nameOf: NameOf,
) {
  for (const [field, text] of Object.entries({ prompt, negativePrompt, lyrics })) {
    if (text === undefined || text.length <= limits.maxPromptBytes / 4) continue;
    if (new TextEncoder().encode(text).length <= limits.maxPromptBytes) continue;
    throw invalid(
      nameOf(field),
      `${nameOf(field)} must be a text of at most ${limits.maxPromptBytes} bytes`,
    );
  }
}

/** Audio is written as WAV, images are not. */
function checkFormat({ id, makes = "images" }: ModelInfo, { format }: JobInput, nameOf: NameOf) {
  if ((format === "wav") === (makes === "audio")) return;
  throw invalid(
    nameOf("format"),
    `${nameOf("format")} cannot be ${format}: ${id} makes ${makes}, which is written as ` +
      (makes === "audio" ? "wav" : "png, jpeg or webp"),
  );
}

/** How long audio is: what the model takes, within the limits. */
function checkLength(
  model: ModelInfo,
  input: JobInput,
  limits: Limits,
  nameOf: NameOf,
): void {
  const { id, makes = "images", takesLength = false } = model;
  if (makes === "audio") {
    for (const field of ["width", "height"] as const) {
      if (input[field] === undefined) continue;
      throw invalid(nameOf(field), `${nameOf(field)} must be left out: ${id} makes audio`);
    }
  }
  const { seconds } = input;
  if (seconds === undefined) return;
  const field = nameOf("seconds");
  if (!takesLength) {
    throw invalid(
      field,
      `${field} must be left out: ${id} makes ${makes === "audio" ? "audio of one length" : makes}`,
    );
  }
  const longest = longestAudio(model, limits);
  if (seconds > 0 && seconds <= longest) return;
  throw invalid(
    field,
    `${field} cannot be ${seconds}: it must be more than 0, and ${longest} at most`,
  );
}

function checkLyrics({ id, takesLyrics }: ModelInfo, { lyrics }: JobInput, nameOf: NameOf): void {
  if (lyrics === undefined || takesLyrics) return;
  throw invalid(nameOf("lyrics"), `${nameOf("lyrics")} must be left out: ${id} sings none`);
}

/** What each task needs, and what it has no use for. */
function checkGiven(
  { id, takesPrompt = true, makes = "images" }: ModelInfo,
  task: Task,
  input: JobInput,
  nameOf: NameOf,
): void {
  const { prompt = "", negativePrompt = "", image, mask, strength } = input;
  if (task === "unconditional" || !takesPrompt) {
    const texts = { prompt, negativePrompt };
    const [given] = Object.entries(texts).find(([, value]) => value !== "") ?? [];
    if (given !== undefined) {
      throw invalid(
        nameOf(given),
        `${nameOf(given)} must be left out: ` +
          (task === "unconditional"
            ? `the model makes ${makes} of the one kind that it was trained on`
            : "the model takes an image alone"),
      );
    }
  } else if (input.prompt === undefined) {
    throw invalid(nameOf("prompt"), `${nameOf("prompt")} is missing; it must be a text`);
  }
  const takesImage = !WITHOUT_IMAGE.includes(task);
  if (takesImage && image === undefined) {
    throw invalid(
      nameOf("image"),
      `${
        nameOf("image")
      } is missing; ${id} does ${task}, which begins with an image: images are sent to ` +
        "/v1/images/edits, /sdapi/v1/img2img or in predictions",
    );
  }
  if (task === "inpaint" && mask === undefined) {
    throw invalid(nameOf("mask"), `${nameOf("mask")} is missing; it says what is inpainted`);
  }
  const useless = Object.entries({
    image: takesImage ? undefined : image,
    mask: task === "inpaint" ? undefined : mask,
    strength: takesImage ? undefined : strength,
  }).find(([, value]) => value !== undefined);
  if (useless === undefined) return;
  throw invalid(
    nameOf(useless[0]),
    `${nameOf(useless[0])} has no meaning for ${task}; leave it out`,
  );
}

function checkSize(
  model: ModelInfo,
  task: Task,
  input: JobInput,
  limits: Limits & SizeLimits,
  nameOf: NameOf,
): void {
  const { width, height } = input;
  const { sizeMultiple, takesSize } = model;
  for (const [field, value] of Object.entries({ width, height })) {
    if (value === undefined) continue;
    if (!takesSize) {
      throw invalid(
        nameOf(field),
        `${nameOf(field)} must be left out: ${model.id} makes images of ${model.width}x` +
          `${model.height}`,
      );
    }
    if (value % sizeMultiple === 0 && value >= MIN_SIDE && value <= limits.maxSide) continue;
    throw invalid(
      nameOf(field),
      `${nameOf(field)} cannot be ${value} pixels: it must be a multiple of ${sizeMultiple} from ` +
        `${MIN_SIDE} to ${limits.maxSide}`,
    );
  }
  const byImage = task === "image-to-image" || task === "depth-to-image";
  if (byImage && (width === undefined) !== (height === undefined)) {
    const missing = width === undefined ? "width" : "height";
    throw invalid(nameOf(missing), `${nameOf(missing)} is missing; give both sides or neither`);
  }
  if (byImage && width === undefined) return; // the engine looks, when it has the image
  const size = { width: width ?? model.width, height: height ?? model.height };
  const problem = sizeProblem({ ...size, count: computedImages(input, model) }, model, limits);
  if (problem !== undefined) throw invalid(nameOf("width"), problem);
}

/** The size of a second pass: the shape of the first, in multiples that the model takes. */
function settleSecondPass(
  { scale, width: wide, height: high, scheduler, ...pass }: SecondPassRequest,
  first: Pick<RunRequest, "width" | "height">,
  model: ModelInfo,
  { schedulers }: DoorContext,
  nameOf: NameOf,
): SecondPass {
  const { width = model.width, height = model.height } = first;
  const factor = wide === undefined ? high === undefined ? scale : high / height : wide / width;
  const whole = (side: number): number =>
    Math.floor(side / model.sizeMultiple) * model.sizeMultiple;
  const size = { width: whole(width * factor), height: whole(height * factor) };
  if (high !== undefined && Math.abs(high - height * factor) >= model.sizeMultiple) {
    const field = nameOf("secondPassSize");
    throw invalid(
      field,
      `${field} cannot be ${wide} beside a height of ${high}: a second pass keeps the shape of ` +
        `${width}x${height}; give one side`,
    );
  }
  const found = scheduler && findScheduler(scheduler, schedulers, nameOf);
  return { ...pass, ...size, scheduler: found };
}

/** The images of a second pass are as large as those of any other run. */
function checkSecondPass(
  model: ModelInfo,
  task: Task,
  input: JobInput,
  limits: Limits & SizeLimits,
  nameOf: NameOf,
): void {
  const { secondPass } = input;
  if (secondPass === undefined) return;
  const field = nameOf("secondPass");
  if (task !== "text-to-image" || !model.tasks.includes("image-to-image")) {
    throw invalid(
      field,
      `${field} cannot be used for ${task} with ${model.id}: a second pass is for text-to-image with ` +
        `a model that does image-to-image, too`,
    );
  }
  const { width, height } = secondPass;
  const size = nameOf("secondPassSize");
  checkSize(
    model,
    task,
    { ...input, width, height },
    limits,
    (name) => name === "width" || name === "height" ? size : nameOf(name),
  );
}

/** Several images are for models that read several together. */
function checkImages(
  { id, images = 1 }: ModelInfo,
  { moreImages = [] }: JobInput,
  nameOf: NameOf,
): void {
  const count = moreImages.length + 1;
  if (count <= images) return;
  throw invalid(
    nameOf("image"),
    `Cannot take ${count} files as ${nameOf("image")}: ${id} reads ` +
      (images === 1 ? "one image" : `at most ${images} images together`),
  );
}

/** ControlNets and T2I-Adapters that are there, each with its image, for what they can take part in. */
function checkControls(
  model: ModelInfo,
  models: readonly ModelInfo[],
  task: Task,
  { controls = [], secondPass }: JobInput,
  nameOf: NameOf,
): void {
  const field = nameOf("controls");
  const { id, controlNets = {} } = model;
  for (const control of controls) {
    const { name } = control;
    const ability = Object.hasOwn(controlNets, name) ? controlNets[name] : undefined;
    if (ability === undefined) throw noSuchControl(name, model, models, field);
    const problem = controlProblem(control, ability, nameOf("mode"));
    if (problem !== undefined) throw invalid(field, `${field} ${problem}`);
    const needed = secondPass === undefined ? [task] : [task, "image-to-image" as const];
    const missing = needed.find((one) => !ability.tasks.includes(one));
    if (missing === undefined) continue;
    throw invalid(
      field,
      `${field} cannot be used for ${missing} with ${id}: ${name} takes part in ` +
        ability.tasks.join(", "),
    );
  }
  const problem = controlsProblem(controls, controls.map(({ name }) => controlNets[name]!.kind));
  if (problem !== undefined) throw invalid(field, `${field} ${problem}`);
}

function noSuchControl(
  name: string,
  { id, controlNets = {} }: ModelInfo,
  models: readonly ModelInfo[],
  field: string,
): ServeError {
  const others = models.filter(({ controlNets = {} }) => Object.hasOwn(controlNets, name));
  const own = Object.keys(controlNets);
  const there = others.length > 0
    ? `it was made for ${others.map(({ id }) => id).join(", ")}; name that model`
    : own.length === 0
    ? "this server has none for it"
    : `there are ${own.join(", ")}`;
  return invalid(
    field,
    `Cannot control ${id} by the ControlNet ${JSON.stringify(name.slice(0, 100))}: ${there}`,
  );
}

/** What is wrong with an image for one network. */
function controlProblem(
  { name, image, start = 0, end = 1, mode }: ControlUse,
  { kind, modes = 1 }: ControlAbility,
  modeName: string,
): string | undefined {
  if (image === undefined) return `must have an image for ${name}: it says where things are`;
  if (start >= end) return `cannot begin at ${start} and end at ${end}: begin before that`;
  if (kind === "t2i-adapter") {
    if (start > 0) return `cannot begin at ${start} with ${name}: a T2I-Adapter begins at 0`;
    if (mode !== undefined) {
      return `cannot have ${modeName} for ${name}, which reads one kind of image`;
    }
  }
  if (kind === "union" && !(mode !== undefined && mode < modes)) {
    const found = mode === undefined ? "there is none" : `${mode} is none`;
    return `must have ${modeName} for ${name}, one of the ${modes} kinds of images from 0 on: ${found}`;
  }
  return undefined;
}

/** What is wrong with several images beside each other. */
function controlsProblem(
  controls: readonly ControlUse[],
  kinds: readonly ControlKind[],
): string | undefined {
  if (new Set(kinds).size > 1) {
    return "cannot have ControlNets, ControlNets for images of several kinds and T2I-Adapters in one run: " +
      "no pipeline takes them together";
  }
  const names = controls.map(({ name }) => name);
  const distinct = new Set(names).size;
  if (kinds[0] === "union" && distinct > 1 && distinct < names.length) {
    return "can have several images for one ControlNet, or one for each of several";
  }
  if (kinds[0] === "t2i-adapter" && new Set(controls.map(({ end = 1 }) => end)).size > 1) {
    return "must end together: T2I-Adapters have one end for all";
  }
  return undefined;
}

function checkFiles(
  { image, moreImages = [], mask, controls = [], clips = {}, pictures = {} }: JobInput,
  { limits }: DoorContext,
  nameOf: NameOf,
): void {
  const files = [
    ...[image, ...moreImages].map((file) => ["image", file] as const),
    ["mask", mask] as const,
    ...controls.map(({ image }) => ["controls", image] as const),
    ...Object.entries(clips).map(([name, file]) => [roleKey(name), file] as const),
    ...Object.entries(pictures).flatMap(([name, files]) =>
      files.map((file) => [roleKey(name), file] as const)
    ),
  ];
  for (const [field, file] of files) {
    if (file === undefined || file.length <= limits.maxImageBytes) continue;
    throw new ServeError(
      "payload_too_large",
      `${nameOf(field)} can be ${limits.maxImageBytes} bytes at most, but is ${file.length}`,
      { field: nameOf(field) },
    );
  }
}

/** The class of a scheduler by its name, whole or short. */
function findScheduler(name: string, known: readonly string[], nameOf: NameOf): string {
  try {
    return schedulerNamed(name, known, "GET /v1/schedulers");
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw invalid(nameOf("scheduler"), `${nameOf("scheduler")} is not known: ${error.message}`);
  }
}

/** Settled here, so that a run that is tried again makes the same image. */
function randomSeed(): string {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return String((high! & 0x1fffff) * 2 ** 32 + low!);
}

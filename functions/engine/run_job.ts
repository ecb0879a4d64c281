import {
  type Audio,
  DenoiseError,
  type Image,
  type Model,
  type PipelineClass,
  type PipelineStep,
  type PluginClass,
  type Registry,
  type RunOptions,
} from "@denoise/core";
import {
  type AnyPipeline,
  countOption,
  leftOut,
  lengthOption,
  recipeOption,
} from "@denoise/loading";
import type { EncodedAudio, EncodedImage, Job, JobInput, RunEvent, Task } from "../contract/job.ts";
import { invalid } from "../contract/errors.ts";
import type { SizeLimits } from "../contract/size_limits.ts";
import { turn } from "../async/turn.ts";
import { givenClips } from "./given_clips.ts";
import {
  givenControls,
  givenImage,
  givenImages,
  givenMask,
  givenPictures,
} from "./given_images.ts";
import {
  chosenFor,
  enlarge,
  firstOutput,
  type FirstResult,
  overrides,
  plannedSteps,
} from "./second_pass.ts";
import type { ChosenScheduler, LoadedModel } from "./loaded_model.ts";

/** What a run needs beside its job. */
export interface RunContext {
  /** The model that the job names. */
  readonly model: LoadedModel;
  /** The plugins at hand. */
  readonly registry: Registry;
  /** What the sides of images may be. */
  readonly sizeLimits: SizeLimits;
}

/** Runs a job; stops at the step after its signal fired. */
export async function* runJob(
  context: RunContext,
  { task, input }: Job,
  signal: AbortSignal,
): AsyncGenerator<RunEvent, void, void> {
  const { model, registry, sizeLimits } = context;
  const warnings: string[] = [];
  const onWarning = (message: string): void => void warnings.push(message);
  await model.useLoras(input.loras ?? [], onWarning);
  const pace = new Pace();
  const controls = (input.controls ?? []).map(({ name }) => name);
  const begin = async (task: Task, chosen: ChosenScheduler, input: JobInput) => {
    const pipe = await model.pipeline(task, chosen, controls, onWarning);
    const { options } = await classOf(pipe, registry);
    const control = await givenControls(input, registry, model.info, sizeLimits, options);
    return { pipe, isSized: "width" in options, control };
  };
  const { pipe, isSized, control } = await begin(task, input, input);
  const image = input.moreImages === undefined
    ? await givenImage(input, registry, model.info, sizeLimits, isSized)
    : await givenImages(input, model.info, sizeLimits);
  const maskImage = await givenMask(input, registry);
  const clips = await givenClips(input, model.info, sizeLimits);
  const pictures = await givenPictures(input, model.info, sizeLimits);
  const { secondPass } = input;
  const run = { context, pace, warnings, signal };
  const outputType = secondPass && firstOutput(secondPass);
  let made = yield* onePass({
    ...run,
    input,
    pipe,
    given: { image, maskImage, ...control, ...clips, ...pictures, outputType },
    done: 0,
    toCome: secondPass === undefined ? 0 : plannedSteps(secondPass, model.info),
  });
  if (secondPass !== undefined) {
    const larger = { ...input, ...defined(overrides(secondPass)) };
    const { pipe: second, control } = await begin(
      "image-to-image",
      chosenFor(secondPass, input),
      larger,
    );
    made = yield* onePass({
      ...run,
      input: larger,
      pipe: second,
      given: { ...control, image: await enlarge(made, secondPass, pipe, registry) },
      done: made.steps,
      toCome: 0,
    });
  }
  const { images, audios = [], furtherImages = {} } = made;
  const further = Object.values(furtherImages).flat();
  const decodeMs = pace.lap();
  const makesAudio = model.info.makes === "audio"; // some draw its spectrograms beside it
  const files = makesAudio ? { images: [], audios: await Promise.all(audios.map(encodeAudio)) } : {
    images: await Promise.all([
      ...images.map((image) => encode(image, input)),
      ...further.map((image) => encode(image, { format: "png" })), // which alone holds all of it
    ]),
  };
  const encodeMs = pace.lap();
  yield* warnings.splice(0).map((message) => ({ type: "warning" as const, message }));
  yield {
    type: "succeeded",
    ...files,
    timing: { prepareMs: pace.prepareMs, stepsMs: pace.stepsMs, decodeMs, encodeMs },
  };
}

/** What the class of a pipeline says of it. */
async function classOf(
  { className }: AnyPipeline,
  registry: Registry,
): Promise<CallOptionsOf> {
  return await registry.get(className, "pipeline") as PluginClass & CallOptionsOf;
}

/** How the class of a pipeline is called. */
type CallOptionsOf = Pick<PipelineClass<object, unknown[], unknown>, "takesPrompt" | "options">;

/** One call of a pipeline within a run. */
interface Pass {
  readonly context: RunContext;
  readonly pipe: AnyPipeline;
  readonly input: JobInput;
  /** What it is given beside what the job says. */
  readonly given: object;
  readonly pace: Pace;
  readonly warnings: string[];
  readonly signal: AbortSignal;
  /** Steps of the run before it, and those that will come after. */
  readonly done: number;
  readonly toCome: number;
}

/** What a pass made, and in how many steps. */
type PassResult = FirstResult & { readonly steps: number };

async function* onePass(
  { context, pipe, input, given, pace, warnings, signal, done, toCome }: Pass,
): AsyncGenerator<RunEvent, PassResult, void> {
  const { model, registry } = context;
  const preview = model.info.makes === "audio"
    ? undefined
    : previewDecoder(pipe, { ...model.info, ...defined(input) });
  const Class = await classOf(pipe, registry);
  const calledBy = pipe.className === model.calledBy ? pipe.className : undefined;
  const { takesPrompt, options: known } = Class;
  const options = Object.entries(
    defined(callOptions(input, Class, { ...given, preview, signal }, calledBy)),
  )
    .filter(([name]) => {
      if (name in known) return true;
      // an image that is given has been brought to that size
      const isSettled = "image" in given && (name === "width" || name === "height");
      const isPlain = name === "promptSyntax" && !weighsWords(input);
      if (!isSettled && !isPlain) {
        warnings.push(`${name} is not used: ${pipe.className} has no such option`);
      }
      return false;
    });
  const taken = Object.fromEntries(options);
  const steps = takesPrompt ? pipe.stream(input.prompt ?? "", taken) : pipe.stream(taken);

  let count = 0;
  let next = await steps.next();
  for (; !next.done; pace.begin(), next = await steps.next()) {
    const { index, total } = next.value;
    count = total;
    const [at, of] = [done + index + 1, done + total + toCome];
    const step = pace.step(at, of);
    checkLatents(next.value);
    yield* warnings.splice(0).map((message) => ({ type: "warning" as const, message }));
    yield step;
    if (isPreviewStep(at, of, input.previews)) {
      const [image] = await next.value.preview(); // none of audio
      if (image === undefined) continue;
      const encoded = await encode(image, input);
      yield { type: "preview", index: pace.previews++, step: at, image: encoded };
    }
    await turn(); // lets messages in, such as the one that cancels this run
  }
  const left = leftOut(next.value, pipe.className);
  if (left !== undefined) warnings.push(left);
  return { ...next.value, steps: count };
}

/** Whether a syntax would change how the prompts are read: brackets, or `BREAK`, of A1111's; any of others. */
function weighsWords({ prompt = "", negativePrompt = "", promptSyntax }: JobInput): boolean {
  return promptSyntax !== "a1111" || /[()[\]]|\bBREAK\b/.test(`${prompt} ${negativePrompt}`);
}

/** Most pixels of an image that a CPU decodes on the way. */
const DECODED_PIXELS = 256 * 256;

/** On a CPU a decoder call costs more than a step, so there large images are shown roughly. */
function previewDecoder(
  { components }: AnyPipeline,
  { width, height }: { readonly width: number; readonly height: number },
): RunOptions["preview"] {
  const { device } = (components["vae"] ?? {}) as Partial<Model>;
  return device === "cpu" && width * height > DECODED_PIXELS ? "linear" : "vae";
}

/** What a job says, by the names of pipelines' options. */
function callOptions(
  input: JobInput,
  Class: CallOptionsOf,
  given: object,
  calledBy: string | undefined,
): object {
  const { count, seed, steps, eta, clipSkip, negativePrompt, guidanceScale, strength } = input;
  const { promptSyntax, lyrics } = input;
  return {
    ...given,
    ...input.options,
    ...recipeOption(input.options ?? {}, Class, calledBy),
    numInferenceSteps: steps,
    seed: seed === undefined ? undefined : BigInt(seed),
    ...{ eta, clipSkip, promptSyntax, negativePrompt, lyrics, guidanceScale, strength },
    ...{ width: input.width, height: input.height, paddingMaskCrop: input.maskPadding },
    [lengthOption(Class) ?? "audioLengthInS"]: input.seconds,
    [countOption(Class) ?? "numImagesPerPrompt"]: count === 1 ? undefined : count,
  };
}

/** Pipelines have defaults for what is absent, not for what is undefined. */
function defined(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function checkLatents({ latents, index }: PipelineStep): void {
  if (latents.toFloat32Array().every(Number.isFinite)) return;
  throw new DenoiseError(
    "nan_output",
    `Cannot go on after step ${
      index + 1
    }: the samples hold NaN or infinity; the model is broken, ` +
      `or overflows in float16 (use float32)`,
  );
}

/** Whether one of the evenly spread previews is due; none is after the last step. */
export function isPreviewStep(step: number, of: number, previews: number): boolean {
  if (step >= of) return false;
  const due = (at: number) => Math.floor(at * (previews + 1) / of);
  return due(step) > due(step - 1) && due(step) <= previews;
}

async function encode(
  image: Image,
  { format, quality }: Pick<JobInput, "format" | "quality">,
): Promise<EncodedImage> {
  if (format === "wav") throw invalid("format", 'Cannot write an image as "wav"');
  const bytes = await image.encode(format, quality === undefined ? {} : { quality });
  const { width, height, recipe = {} } = image;
  return { bytes, mediaType: `image/${format}`, width, height, recipe };
}

async function encodeAudio(audio: Audio): Promise<EncodedAudio> {
  const { duration: seconds, recipe = {} } = audio;
  return { bytes: await audio.encode("wav"), mediaType: "audio/wav", seconds, recipe };
}

/** How long the pipeline takes. It tells of its first step when that is done, so that counts apart. */
class Pace {
  /** Previews so far. */
  previews = 0;
  /** Images given, preparation and the first step. */
  prepareMs = 0;
  /** The other steps. */
  stepsMs = 0;
  #began = performance.now();
  #first = 0;

  /** The pipeline is asked to go on. */
  begin(): void {
    this.#began = performance.now();
  }

  /** Milliseconds since it was, or since the last lap. */
  lap(): number {
    const began = this.#began;
    this.begin();
    return this.#began - began;
  }

  step(step: number, of: number): RunEvent {
    const stepMs = this.lap();
    if (step === 1) {
      this.prepareMs = stepMs;
      this.#first = this.#began;
    } else this.stepsMs += stepMs;
    // previews take time too, so what remains goes by the clock
    const pace = step === 1 ? stepMs : (this.#began - this.#first) / (step - 1);
    return { type: "step", step, of, stepMs, etaMs: pace * (of - step), at: Date.now() };
  }
}

import {
  type AnyPipeline,
  DenoiseError,
  type Image,
  type Model,
  type PipelineClass,
  type PipelineStep,
  type PluginClass,
  type Registry,
  type RunOptions,
} from "@denoise/core";
import type { EncodedImage, Job, JobInput, RunEvent } from "../contract/job.ts";
import type { SizeLimits } from "../contract/size_limits.ts";
import { turn } from "../async/turn.ts";
import { givenImage, givenMask } from "./given_images.ts";
import type { LoadedModel } from "./loaded_model.ts";

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
  { model, registry, sizeLimits }: RunContext,
  { task, input }: Job,
  signal: AbortSignal,
): AsyncGenerator<RunEvent, void, void> {
  const warnings: string[] = [];
  const pipe = await model.pipeline(task, input, (message) => warnings.push(message));
  const pace = new Pace();
  const image = await givenImage(input, registry, model.info, sizeLimits);
  const given = { image, maskImage: await givenMask(input) };
  const preview = previewDecoder(pipe, { ...model.info, ...defined(input) });
  const { takesPrompt, options: known } = await registry.get(pipe.className, "pipeline") as
    & PluginClass
    & Pick<PipelineClass<object, unknown[], unknown>, "takesPrompt" | "options">;
  const options = Object.entries(
    defined(callOptions(input, takesPrompt, { ...given, preview, signal })),
  )
    .filter(([name]) => {
      if (name in known) return true;
      warnings.push(`${name} is not used: ${pipe.className} has no such option`);
      return false;
    });
  const taken = Object.fromEntries(options);
  const steps = takesPrompt ? pipe.stream(input.prompt ?? "", taken) : pipe.stream(taken);

  let previews = 0;
  let next = await steps.next();
  for (; !next.done; pace.begin(), next = await steps.next()) {
    const { index, total } = next.value;
    const step = pace.step(index + 1, total);
    checkLatents(next.value);
    yield* warnings.splice(0).map((message) => ({ type: "warning" as const, message }));
    yield step;
    if (isPreviewStep(index + 1, total, input.previews)) {
      const [image] = await next.value.preview();
      const encoded = await encode(image!, input);
      yield { type: "preview", index: previews++, step: index + 1, image: encoded };
    }
    await turn(); // lets messages in, such as the one that cancels this run
  }
  const decodeMs = pace.lap();
  const images = await Promise.all(next.value.images.map((image) => encode(image, input)));
  const encodeMs = pace.lap();
  yield* warnings.splice(0).map((message) => ({ type: "warning" as const, message }));
  yield {
    type: "succeeded",
    images,
    timing: { prepareMs: pace.prepareMs, stepsMs: pace.stepsMs, decodeMs, encodeMs },
  };
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
function callOptions(input: JobInput, takesPrompt: boolean, given: RunOptions): object {
  const { count, seed, steps, eta, clipSkip, negativePrompt, guidanceScale, strength } = input;
  return {
    ...given,
    numInferenceSteps: steps,
    seed: seed === undefined ? undefined : BigInt(seed),
    ...{ eta, clipSkip, negativePrompt, guidanceScale, strength },
    ...{ width: input.width, height: input.height },
    [takesPrompt ? "numImagesPerPrompt" : "batchSize"]: count === 1 ? undefined : count,
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

async function encode(image: Image, { format, quality }: JobInput): Promise<EncodedImage> {
  const bytes = await image.encode(format, quality === undefined ? {} : { quality });
  const { width, height, recipe = {} } = image;
  return { bytes, mediaType: `image/${format}`, width, height, recipe };
}

/** How long the pipeline takes. It tells of its first step when that is done, so that counts apart. */
class Pace {
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

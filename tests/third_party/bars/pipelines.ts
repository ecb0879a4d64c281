import {
  type CallOptions,
  definePipeline,
  Generator,
  type ImageInput,
  type ImageOutput,
  type Pipeline,
  type PipelineClass,
  type PipelineRun,
  type PipelineStep,
  type RunOptions,
  runOptions,
  type Scheduler,
  Tensor,
} from "@denoise/core";
import type { BarsModel } from "./model.ts";

/** What the pipelines consist of. */
export interface BarsComponents {
  /** The model. */
  readonly bars: BarsModel;
  /** Any scheduler that the model goes with. */
  readonly scheduler: Scheduler;
}

/** Options of both pipelines. */
export interface BarsOptions extends RunOptions {
  /** Steps. Defaults to 5. */
  readonly numInferenceSteps?: number | undefined;
  /** Images of the prompt. Defaults to 1. */
  readonly numImagesPerPrompt?: number | undefined;
}

/** Options of {@linkcode BarsPipeline}. */
export interface BarsTextOptions extends BarsOptions {
  /** In pixels. */
  readonly height?: number | undefined;
  /** In pixels. */
  readonly width?: number | undefined;
}

/** Options of {@linkcode BarsImg2ImgPipeline}. */
export interface BarsImageOptions extends BarsOptions {
  /** The image to begin with. */
  readonly image: ImageInput;
  /** How much of it is noise, 0..1. Defaults to 0.5. */
  readonly strength?: number | undefined;
}

const shared: CallOptions<BarsOptions> = {
  ...runOptions,
  numInferenceSteps: { type: "integer", minimum: 1 },
  numImagesPerPrompt: { type: "integer", minimum: 1 },
};
const components = { bars: { kind: "model" }, scheduler: { kind: "scheduler" } } as const;

/** The colours of each column: [1, 3, 1, width]. */
function coloursOf(prompt: string, width: number): Tensor {
  const data = Float32Array.from(
    { length: 3 * width },
    (_, i) =>
      ((prompt.charCodeAt((i % width) % prompt.length) || 0) * (1 + Math.floor(i / width))) % 32 /
      32,
  );
  return new Tensor("float32", data, [1, 3, 1, width]);
}

async function* draw(
  run: PipelineRun<BarsComponents>,
  prompt: string,
  first: Tensor,
  steps: number,
  seed: bigint | number,
): AsyncGenerator<PipelineStep, ImageOutput, void> {
  const { bars, scheduler } = run.components;
  const codec = await run.images();
  const recipe = { ...run.recipe, prompt, seed: String(seed), steps };
  scheduler.setTimesteps(steps);
  const colours = coloursOf(prompt, first.dims[3]!);
  let sample = first;
  for (const [index, timestep] of scheduler.timesteps.entries()) {
    const output = await bars.forward(sample, colours);
    sample = scheduler.step(output, timestep, sample).prevSample;
    const preview = () => Promise.resolve(codec.fromTensor(sample.clamp(0, 1)));
    yield { index, total: steps, timestep, latents: sample, preview };
  }
  return { images: codec.fromTensor(sample.clamp(0, 1), () => recipe) };
}

/** Bars from a prompt. */
export const BarsPipeline: PipelineClass<
  BarsComponents,
  [prompt?: string, options?: BarsTextOptions],
  ImageOutput
> = definePipeline({
  className: "BarsPipeline",
  task: "text-to-image",
  family: "bars",
  takesPrompt: true,
  options: {
    ...shared,
    height: { type: "integer", minimum: 8 },
    width: { type: "integer", minimum: 8 },
  },
  defaults: { numInferenceSteps: 5, height: 64, width: 64 },
  defaultSize: () => ({ height: 64, width: 64 }),
  components,
  async *generate(run, prompt = "", options) {
    const { height, width, numInferenceSteps, seed = 0 } = options;
    const noise = Generator.manualSeed(seed).randn([1, 3, height, width]);
    return yield* draw(run, prompt, noise, numInferenceSteps, seed);
  },
});

/** A loaded {@linkcode BarsPipeline}. */
export type BarsPipeline = Pipeline<
  BarsComponents,
  [prompt?: string, options?: BarsTextOptions],
  ImageOutput
>;

/** Bars over an image. */
export const BarsImg2ImgPipeline: PipelineClass<
  BarsComponents,
  [prompt: string | undefined, options: BarsImageOptions],
  ImageOutput
> = definePipeline({
  className: "BarsImg2ImgPipeline",
  task: "image-to-image",
  family: "bars",
  takesPrompt: true,
  options: {
    ...shared,
    image: { type: "image", required: true },
    strength: { type: "number", minimum: 0, maximum: 1 },
  },
  defaults: { numInferenceSteps: 5, strength: 0.5 },
  components,
  async *generate(run, prompt = "", options) {
    const { image, strength, numInferenceSteps, seed = 0 } = options;
    const given = await (await run.images()).toTensor(image);
    const noise = Generator.manualSeed(seed).randn(given.dims);
    const first = given.mul(1 - strength).add(noise.mul(strength));
    return yield* draw(run, prompt, first, numInferenceSteps, seed);
  },
});

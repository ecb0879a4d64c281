import {
  type CallOptions,
  definePipeline,
  type ImageCodec,
  type ImageOutput,
  type ImageSize,
  type JsonObject,
  type PipelineClass,
  type PipelineDefinition,
  type PipelineRun,
  type PipelineStep,
  type Recipe,
  type RunOptions,
  type Scheduler,
  type StepOptions,
  type StepOutput,
  type Tensor,
} from "@denoise/core";
import { denoise, type Denoised } from "./denoise.ts";
import {
  checkDenoisingRange,
  type DenoisingRangeOptions,
  timestepsUpTo,
} from "./denoising_range.ts";
import { finishLatents } from "./finish.ts";
import type { ControlImages } from "./image_input.ts";
import { decodeLatents, type LatentComponents, latentDims } from "./latents.ts";
import { type BatchNoise, batchNoise, checkLatents } from "./noise.ts";
import { type PlanOptions, planRun, type RunPlan } from "./plan.ts";
import { previewLatents } from "./preview.ts";
import type { Prompt } from "./prompt.ts";
import { type DescribedOptions, describeRun } from "./recipe.ts";
import { type SizeOptions, warnOfSize } from "./size.ts";
import { type ExtraStepOptions, stepOptions } from "./step.ts";

/** What the run itself reads of a call's options, whatever the family. */
export interface LatentOptions
  extends
    RunOptions,
    DescribedOptions,
    PlanOptions,
    DenoisingRangeOptions,
    SizeOptions,
    Pick<ExtraStepOptions, "eta"> {}

/** One call of the denoiser. */
export interface DenoiserCall<K> {
  /** The latents with what the start puts beside them, float32 [N, C', h, w]. */
  readonly input: Tensor;
  /** The latents as the scheduler scales them for the model, float32 [N, C, h, w]. */
  readonly scaled: Tensor;
  /** The latents as they are, float32 [N, C, h, w]. */
  readonly latents: Tensor;
  /** The timestep, as the scheduler counts them. */
  readonly timestep: number;
  /** Counted from 0. */
  readonly index: number;
  /** What ControlNets add; undefined without them. */
  readonly control: K | undefined;
}

/** Another size than that in which images are made, and what brings them to it. */
export interface Fitted {
  /** The size that images have at last. */
  readonly size: ImageSize;
  /** Images in about -1..1, float32 [N, C, H, W]. */
  fit(images: Tensor): Tensor;
}

/** What the prompts and images of a call come to for the denoiser of a family. */
export interface Conditioning<K> {
  /** Images to make. */
  readonly count: number;
  /** What the images' recipes say of it, such as the guidance scale. */
  readonly facts: Recipe;
  /** The size that it fixes, such as that of an image to follow. */
  readonly size?: ImageSize | undefined;
  /** The size that the call says, where it says one by other options than height and width. */
  readonly asked?: SizeOptions | undefined;
  /** What brings images of that size to another one, such as that of an image which was padded. */
  readonly fitted?: Fitted | undefined;
  /**
   * The denoiser for images of that size: what it predicts, guided as the family guides, float32
   * [N, C, h, w].
   */
  denoiser(size: ImageSize): (call: DenoiserCall<K>) => Promise<Tensor>;
  /** Makes whole steps, where one is more than a prediction and the scheduler's step. */
  stepper?(facts: StepperFacts): (latents: Tensor, timestep: number) => Promise<StepOutput>;
  /** Decodes latents to images in about -1..1. Defaults to the family's. */
  readonly decode?: typeof decodeLatents | undefined;
}

/** What makes whole steps is given. */
export interface StepperFacts {
  /** Size of the images in pixels. */
  readonly size: ImageSize;
  /** The scheduler of the run, its timesteps set. */
  readonly scheduler: Scheduler;
  /** Options of its `step`. */
  readonly settings: StepOptions;
}

/** What a call is, for a family that encodes its prompts. */
export interface CallFacts {
  /** What latents are made of at first. */
  readonly from: "noise" | "image" | "mask";
  /** Whether ControlNets take part. */
  readonly controlled: boolean;
  /** The extra keys of model_index.json. */
  readonly settings: JsonObject;
}

/** The same for a family whose conditioning is drawn, before the latents are. */
export interface EncodeFacts extends CallFacts {
  /** Where the noise of so many images comes from, which are those to make. */
  noise(count: number): BatchNoise;
}

/**
 * A family of models: how a prompt becomes what the denoiser is given, and what the denoiser is called
 * with. Whatever differs between UNets and transformers (packed latents, one guidance or another,
 * sigmas shifted by the size) is in here; the run itself knows latents [N, C, h, w] and a scheduler.
 *
 * `C` are its components, `O` the options that it reads, `K` what ControlNets add to its calls.
 */
export interface Family<C extends LatentComponents, O extends LatentOptions, K> {
  /** Its name, such as `"stable-diffusion-xl"`. */
  readonly name: string;
  /**
   * The size of the images in pixels where nothing but the call says it.
   *
   * @throws {RangeError} for one that the models cannot make.
   */
  readonly size: (components: C, given: Partial<O>) => ImageSize;
  /** Encodes prompts, and image prompts, for the denoiser. */
  readonly encode: (
    run: PipelineRun<C>,
    prompt: Prompt | undefined,
    options: O,
    facts: EncodeFacts,
  ) => Promise<Conditioning<K>>;
  /** Plans the timesteps. Defaults to {@linkcode planRun}. */
  readonly plan?: (components: C, options: O, size: ImageSize, facts: CallFacts) => RunPlan;
  /** The latents that a run of so many steps ends with. Defaults to those after the last step. */
  readonly result?: (end: Denoised, steps: number, components: C) => Tensor;
  /** What previews show of a step. Defaults to what the scheduler has given. */
  readonly previewed?: (stepped: StepOutput, components: C) => StepOutput;
  /** How many images, one after the other, become of each row of latents. Defaults to 1. */
  readonly imagesOfRow?: (options: O) => number;
  /** Decodes latents to images in about -1..1. Defaults to `decodeLatents`. */
  readonly decode?: typeof decodeLatents;
}

/** What a start is given beside the run and the options. */
export interface StartFacts {
  /** Images to make. */
  readonly count: number;
  /** Where the noise of the images comes from. */
  readonly noise: BatchNoise;
  /** Whether ControlNets take part. */
  readonly controlled: boolean;
  /** The size that conditioning, call or model say. */
  size(): ImageSize;
  /** Plans the timesteps for images of that size. */
  plan(size: ImageSize): RunPlan;
  /** The control images, one tensor for each ControlNet, in that size or their own; none without. */
  controlImages(given: ControlImages | undefined, size: SizeOptions): Promise<readonly Tensor[]>;
}

/** Where a run begins. */
export interface Begun {
  /** The first latents, float32 [N, C, h, w]. */
  readonly latents: Tensor;
  /** Those of an image that is inpainted, where what the mask leaves of it is put back. */
  readonly clean?: Tensor | undefined;
  /** Size of the images in pixels. */
  readonly size: ImageSize;
  /** The timesteps from here on. */
  readonly plan: RunPlan;
  /** What the denoiser is given for scaled latents. Defaults to these. */
  denoiserInput?(scaled: Tensor): Tensor;
  /** What of the latents of a step goes on to the next timestep. Defaults to all. */
  keep?(latents: Tensor, next: number | undefined, index: number): Tensor;
  /** Where images are made in another size than that of the call: that size, and what brings them to it. */
  readonly fitted?: Fitted | undefined;
  /** Brings what was made back into the image that it is a part of. */
  restore?(output: ImageOutput): ImageOutput;
  /** The control images, one tensor for each ControlNet. */
  readonly controls: readonly Tensor[];
}

/** What latents are made of at first: noise, an image, or an image and a mask. */
export interface Start<C extends LatentComponents, O extends LatentOptions> {
  /** Which of them. */
  readonly from: CallFacts["from"];
  /** Refuses a call that cannot be done, before anything is computed. */
  readonly check?: (components: C, options: O) => unknown;
  /** Makes the first latents. */
  readonly begin: (run: PipelineRun<C>, options: O, facts: StartFacts) => Promise<Begun>;
}

/** What control images are spread over, and drawn with where they are encoded. */
export interface ControlCounts {
  /** Images to make. */
  readonly count: number;
  /** How many prompts there are. */
  readonly prompts: number;
  /** Where the noise of the images comes from. */
  readonly noise: BatchNoise;
}

/** How the ControlNets of a call take part, settled before anything is computed. */
export interface PlannedControl<K> {
  /** The control images of a call, one tensor for each ControlNet. */
  images(
    codec: ImageCodec,
    given: ControlImages | undefined,
    counts: ControlCounts,
    size: SizeOptions,
  ): Promise<readonly Tensor[]>;
  /**
   * What is added to the calls of the denoiser.
   *
   * @param total Of how many steps control takes its parts.
   */
  begin(images: readonly Tensor[], timesteps: readonly number[], total: number): K;
}

/** ControlNets beside the denoiser. */
export interface Control<C, O, K> {
  /** Settles how they take part, and refuses what cannot be. */
  readonly plan: (components: C, options: O) => PlannedControl<K>;
}

/** One class of diffusers: a family, a start, ControlNets or none, and what is its own. */
export interface LatentDefinition<C extends LatentComponents, O extends LatentOptions, K> {
  /** The class name that model_index.json carries. */
  readonly className: string;
  /** What it is for, one of the Hub's words such as `"text-to-image"` where there is one. */
  readonly task: PipelineDefinition<C, [O], ImageOutput>["task"];
  /** The family of its models. */
  readonly family: Family<NoInfer<C>, NoInfer<O>, K>;
  /** What its latents are made of at first. */
  readonly start: Start<NoInfer<C>, NoInfer<O>>;
  /** ControlNets beside the denoiser; none by default. */
  readonly control?: Control<NoInfer<C>, NoInfer<O>, K> | undefined;
  /** The components by role, in camelCase. */
  readonly components: PipelineDefinition<C, [O], ImageOutput>["components"];
  /** Extra keys of model_index.json with their defaults. */
  readonly settings?: PipelineDefinition<C, [O], ImageOutput>["settings"];
  /** What blocks of diffusers that do the same work have otherwise. */
  readonly blocks?: PipelineDefinition<C, [O], ImageOutput>["blocks"];
  /** Adapts components that a repo has in a form that needs mending; returns what to replace. */
  readonly prepare?: PipelineDefinition<C, [O], ImageOutput>["prepare"];
  /** Every option of a call; others are refused. */
  readonly options: CallOptions<NoInfer<O>>;
  /** Values of options that a call leaves out. */
  readonly defaults?: Partial<NoInfer<O>> | undefined;
  /** Makes what a call leaves out by its models, and refuses a call that lacks more; nothing by default. */
  readonly complete?:
    | ((run: PipelineRun<C>, prompt: Prompt | undefined, options: O) => Promise<O>)
    | undefined;
}

/**
 * Makes the class of a pipeline from a family of models, a start and ControlNets. Where a class does
 * more than these can say, it has a `generate` of its own: `definePipeline`.
 *
 * @example
 * ```ts ignore
 * const StableDiffusionXLImg2ImgPipeline: PipelineClass<
 *   StableDiffusionXLComponents,
 *   [prompt: Prompt | undefined, options: StableDiffusionXLImg2ImgOptions],
 *   ImageOutput
 * > = latentPipeline({
 *   className: "StableDiffusionXLImg2ImgPipeline",
 *   task: "image-to-image",
 *   family: sdxl,
 *   start: fromImage,
 *   ...stableDiffusionXL,
 *   options,
 *   defaults: { numInferenceSteps: 50, strength: 0.3, guidanceScale: 5 },
 * });
 * ```
 */
export function latentPipeline<C extends LatentComponents, O extends LatentOptions, K>(
  definition: LatentDefinition<C, O, K>,
): PipelineClass<C, [prompt: Prompt | undefined, options: O], ImageOutput> {
  return definePipeline(latentDefinition(definition, finishImages));
}

/** The same for a class whose calls need a prompt alone, so that their options may be left out. */
export function textToImagePipeline<C extends LatentComponents, O extends LatentOptions, K>(
  definition: LatentDefinition<C, O, K>,
): PipelineClass<C, [prompt?: Prompt, options?: O], ImageOutput> {
  return definePipeline<C, [prompt?: Prompt, options?: O], ImageOutput, Partial<O>>(
    latentDefinition(definition, finishImages),
  );
}

/** What a run has come to, for what is made of it. */
export interface LatentEnd {
  /** The last latents, float32 [N, C, h, w]. */
  readonly latents: Tensor;
  /** What the call asks for. */
  readonly outputType: RunOptions["outputType"];
  /** The recipe of an image. */
  readonly recipe: (index: number) => Recipe;
  /** How the pipeline's own autoencoder decodes. */
  readonly decode: typeof decodeLatents;
  /** Where the noise comes from, of decoders that draw any. */
  readonly generator: BatchNoise["generator"];
  /** Brings what was made back into the image that it is a part of. */
  readonly restore?: ((output: ImageOutput) => ImageOutput) | undefined;
}

/** What a call gives for its last latents. */
export type Finish<C extends object, Out> = (run: PipelineRun<C>, end: LatentEnd) => Promise<Out>;

/** Images, or what the call asks for in their place. */
const finishImages: Finish<LatentComponents, ImageOutput> = async (run, end) => {
  const { latents, outputType, recipe, restore, ...decoding } = end;
  const output = await finishLatents(run, latents, outputType, recipe, decoding);
  return restore?.(output) ?? output;
};

/** The same for a class whose objects have methods beside their call. */
export function latentPipelineWith<
  C extends LatentComponents,
  O extends LatentOptions,
  K,
  M,
>(
  definition: LatentDefinition<C, O, K>,
  methods: NonNullable<PipelineDefinition<C, [O], ImageOutput, Record<never, never>, M>["methods"]>,
): PipelineClass<C, [prompt: Prompt | undefined, options: O], ImageOutput, M> {
  return definePipeline({ ...latentDefinition(definition, finishImages), methods });
}

/** The same as {@linkcode textToImagePipeline} for a class that gives more than images. */
export function textToOutputPipeline<
  C extends LatentComponents,
  O extends LatentOptions,
  K,
  Out extends ImageOutput,
>(
  definition: LatentDefinition<C, O, K>,
  finish: Finish<C, Out>,
): PipelineClass<C, [prompt?: Prompt, options?: O], Out> {
  return definePipeline<C, [prompt?: Prompt, options?: O], Out, Partial<O>>(
    latentDefinition(definition, finish),
  );
}

/** The same for a class whose calls have no prompt: all that they follow is among their options. */
export function promptlessPipeline<C extends LatentComponents, O extends LatentOptions, K>(
  definition: LatentDefinition<C, O, K>,
): PipelineClass<C, [options: O], ImageOutput> {
  return definePipeline({
    ...latentDefinition(definition, finishImages),
    takesPrompt: false,
    generate: (run: PipelineRun<C>, options: O) =>
      generate(definition, finishImages, run, undefined, options),
  });
}

function latentDefinition<C extends LatentComponents, O extends LatentOptions, K, Out>(
  definition: LatentDefinition<C, O, K>,
  finish: Finish<C, Out>,
) {
  const { className, task, family, start, control, options, defaults } = definition;
  const { components, settings, blocks, prepare } = definition;
  const sized = "height" in options && start.from !== "image" && control === undefined;
  return {
    ...{ className, task, family: family.name, control: control !== undefined },
    ...{ takesPrompt: true, options, defaults, components, settings, blocks },
    ...(prepare === undefined ? {} : { prepare }),
    ...(sized ? { defaultSize: (parts: C) => family.size(parts, {}) } : {}),
    generate: (run: PipelineRun<C>, prompt: Prompt | undefined, options: O) =>
      generate(definition, finish, run, prompt, options),
  };
}

async function* generate<C extends LatentComponents, O extends LatentOptions, K, Out>(
  { family, start, control, complete }: LatentDefinition<C, O, K>,
  finish: Finish<C, Out>,
  run: PipelineRun<C>,
  prompt: Prompt | undefined,
  given: O,
): AsyncGenerator<PipelineStep, Out> {
  const { scheduler } = run.components;
  const options = await complete?.(run, prompt, given) ?? given;
  const { outputType, strength, denoisingEnd } = options;
  const eta = options.eta ?? 0; // as diffusers: TCD's own default is 0.3
  checkDenoisingRange(options);
  start.check?.(run.components, options);
  const planned = control?.plan(run.components, options);
  const { settings } = run;
  const facts = { from: start.from, controlled: planned !== undefined, settings };
  if (start.from !== "image" && !facts.controlled) family.size(run.components, options);

  let drawn: BatchNoise | undefined;
  const noiseOf = (count: number) => drawn ??= batchNoise(count, options);
  const conditioning = await family.encode(run, prompt, options, { ...facts, noise: noiseOf });
  const { count } = conditioning;
  const noise = noiseOf(count);
  const prompts = count / (options.numImagesPerPrompt ?? 1);
  const begun = await start.begin(run, options, {
    ...{ count, noise, controlled: facts.controlled },
    size: () => conditioning.size ?? family.size(run.components, options),
    plan: (size) =>
      family.plan?.(run.components, options, size, facts) ?? planRun(scheduler, options),
    controlImages: async (given, size) =>
      await planned?.images(await run.images(), given, { count, prompts, noise }, size) ?? [],
  });
  const { size, plan: { steps, timesteps: left }, fitted = conditioning.fitted } = begun;
  warnOfSize(run.warn, conditioning.asked ?? options, fitted?.size ?? size);
  const { latents: own } = options as { readonly latents?: Tensor | undefined };
  checkLatents(own, latentDims(run.components.vae, count, size));
  const timesteps = timestepsUpTo(scheduler, left, denoisingEnd);
  // control ends after a part of all steps, also where the run ends before them
  const added = planned?.begin(begun.controls, timesteps, left.length);
  const predict = conditioning.denoiser(size);
  const recipe = describeRun(
    prompt,
    options,
    { steps, strength, ...conditioning.facts, eta: options.eta, ...(fitted?.size ?? size) },
    noise,
  );

  const decodes = conditioning.decode ?? family.decode ?? decodeLatents;
  const decode: typeof decodes = async (vae, latents, options) => {
    const images = await decodes(vae, latents, options);
    return fitted?.fit(images) ?? images;
  };

  const stepSettings = stepOptions(scheduler, noise, { eta });
  const advance = conditioning.stepper?.({ size, scheduler, settings: stepSettings });
  const denoised = yield* denoise(begun.latents, {
    ...{ scheduler, timesteps, options, settings: stepSettings },
    ...(advance === undefined ? {} : { advance }),
    async predict(latents, timestep, index) {
      const scaled = scheduler.scaleModelInput(latents, timestep);
      const input = begun.denoiserInput?.(scaled) ?? scaled;
      return await predict({ input, scaled, latents, timestep, index, control: added });
    },
    keep: ({ prevSample }, i) => begun.keep?.(prevSample, timesteps[i + 1], i) ?? prevSample,
    preview: (stepped) =>
      previewLatents(run, family.previewed?.(stepped, run.components) ?? stepped, recipe, decode),
  });
  const last = family.result?.(denoised, steps, run.components) ?? denoised.latents;
  const each = family.imagesOfRow?.(options) ?? 1;
  const recipeOf = (index: number) => recipe(Math.floor(index / each));
  const { generator } = noise;
  const { restore } = begun;
  const end = { latents: last, outputType, recipe: recipeOf, decode, generator, restore };
  return await finish(run, end);
}

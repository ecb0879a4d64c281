/**
 * LatentConsistencyModelPipeline: images from text in one to eight steps, by a model that says the
 * clean image at once. Luo et al., "Latent Consistency Models" (arXiv:2310.04378).
 * Guidance is part of the model: it is told the guidance scale, so a step costs one call and there
 * are no negative prompts.
 *
 * Not covered: `crossAttentionKwargs`.
 *
 * @example
 * ```ts ignore
 * import { LatentConsistencyModelPipeline } from "@denoise/denoise";
 *
 * const pipe = await LatentConsistencyModelPipeline.fromPretrained(
 *   "SimianLuo/LCM_Dreamshaper_v7",
 * );
 * const { images } = await pipe("a lighthouse at dusk", { numInferenceSteps: 4 });
 * ```
 *
 * @module
 */
import {
  definePipeline,
  type ImageOutput,
  type Pipeline,
  type PipelineClass,
  type PipelineRun,
  type RunOptions,
  runOptions,
  type Tensor,
} from "@denoise/core";
import {
  batchNoise,
  checkOutputType,
  denoise,
  describeRun,
  finishLatents,
  initialLatents,
  planTimesteps,
  previewLatents,
  sizeOptions,
  stepOptions,
  type TimestepOptions,
  timestepOptions,
  vaeScaleFactor,
} from "@denoise/diffusion";
import {
  checkConsistencyModel,
  conditionOnImages,
  conditionOnText,
  type ConsistencyGuidanceOptions,
  consistencyGuidanceOptions,
  type ImagePromptOptions,
  imagePromptOptions,
  imageSize,
  latentConsistency,
  type StableDiffusionComponents,
} from "@denoise/stable-diffusion";

/** Options of a call. */
export interface LatentConsistencyModelOptions
  extends
    RunOptions,
    ConsistencyGuidanceOptions,
    ImagePromptOptions,
    Omit<TimestepOptions, "sigmas"> {
  /** Height in pixels, a multiple of 8. Defaults to what the model was trained for. */
  readonly height?: number | undefined;
  /** Width in pixels, a multiple of 8. Defaults to what the model was trained for. */
  readonly width?: number | undefined;
  /** Own noise to begin with, float32 [N, 4, height / 8, width / 8]. */
  readonly latents?: Tensor | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type LatentConsistencyModelArguments = [
  prompt?: string | readonly string[],
  options?: LatentConsistencyModelOptions,
];

/** A loaded LatentConsistencyModelPipeline. */
export type LatentConsistencyModelPipeline = Pipeline<
  StableDiffusionComponents,
  LatentConsistencyModelArguments,
  ImageOutput
>;

/** Text to images; `LatentConsistencyModelPipeline` of diffusers. */
export const LatentConsistencyModelPipeline: PipelineClass<
  StableDiffusionComponents,
  LatentConsistencyModelArguments,
  ImageOutput
> = definePipeline({
  className: "LatentConsistencyModelPipeline",
  task: "text-to-image",
  family: "latent-consistency-model",
  takesPrompt: true,
  options: {
    ...runOptions,
    ...consistencyGuidanceOptions,
    ...imagePromptOptions,
    numInferenceSteps: { type: "integer", minimum: 1 },
    timesteps: timestepOptions.timesteps,
    ...sizeOptions,
    latents: { type: "tensor" },
  },
  defaults: { numInferenceSteps: 4, guidanceScale: 8.5 },
  defaultSize: (components) => imageSize(components, {}),
  ...latentConsistency,
  generate,
});

type Run = PipelineRun<StableDiffusionComponents>;

async function* generate(run: Run, ...[prompt, options = {}]: LatentConsistencyModelArguments) {
  const { unet, vae, scheduler } = run.components;
  const { guidanceScale = 8.5, originalInferenceSteps, outputType, signal } = options;
  checkOutputType(outputType);
  checkConsistencyModel(run.components);
  const { height, width } = imageSize(run.components, options);
  const text = await conditionOnText(run, prompt, { ...options, guidanceScale });
  const { count, encoderHiddenStates, timestepCond } = text;
  const imageEmbeds = await conditionOnImages(run.components, options, text);

  const timesteps = planTimesteps(scheduler, { numInferenceSteps: 4, ...options }, {
    ...(originalInferenceSteps === undefined ? {} : { originalInferenceSteps }),
  });
  const noise = batchNoise(count, options);
  const factor = vaeScaleFactor(vae);
  const dims = [count, unet.config.in_channels, height / factor, width / factor];
  const latents = initialLatents(dims, noise, scheduler, options.latents);
  const settings = stepOptions(scheduler, noise);
  const steps = scheduler.numInferenceSteps ?? timesteps.length;
  const recipe = describeRun(prompt, options, { steps, guidanceScale, width, height }, noise);

  const conditioning = { encoderHiddenStates, timestepCond, imageEmbeds, signal };
  const { latents: end, last } = yield* denoise(latents, {
    scheduler,
    timesteps,
    settings,
    options,
    predict: async (latents, timestep) =>
      (await unet.forward(latents, timestep, conditioning)).sample,
    preview: (stepped) => previewLatents(run, stepped, recipe),
  });
  return await finishLatents(run, last?.predOriginalSample ?? end, outputType, recipe);
}

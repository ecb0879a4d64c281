/**
 * LatentConsistencyModelImg2ImgPipeline: an image changed towards a text in one to eight steps, as
 * SDEdit does (arXiv:2108.01073), by a model that says the clean image at once: Luo et al.,
 * "Latent Consistency Models" (arXiv:2310.04378).
 * Guidance is part of the model: it is told the guidance scale, so a step costs one call and there
 * are no negative prompts.
 *
 * Not covered: `crossAttentionKwargs`.
 *
 * @example
 * ```ts ignore
 * import { LatentConsistencyModelImg2ImgPipeline } from "@denoise/denoise";
 *
 * const pipe = await LatentConsistencyModelImg2ImgPipeline.fromPretrained(
 *   "SimianLuo/LCM_Dreamshaper_v7",
 * );
 * const { images } = await pipe("a lighthouse at dusk", { image: "sketch.png", strength: 0.7 });
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
  checkStrength,
  denoise,
  describeRun,
  finishLatents,
  type ImagesInput,
  noisedImageLatents,
  planTimesteps,
  previewLatents,
  stepOptions,
  type TimestepOptions,
  timestepOptions,
} from "@denoise/diffusion";
import {
  checkConsistencyModel,
  conditionOnImages,
  conditionOnText,
  type ConsistencyGuidanceOptions,
  consistencyGuidanceOptions,
  type ImagePromptOptions,
  imagePromptOptions,
  latentConsistency,
  type StableDiffusionComponents,
} from "@denoise/stable-diffusion";

/** Options of a call. */
export interface LatentConsistencyModelImg2ImgOptions
  extends
    RunOptions,
    ConsistencyGuidanceOptions,
    ImagePromptOptions,
    Omit<TimestepOptions, "sigmas"> {
  /** The image to change, or one for each image to make; sides are cut to multiples of 8. */
  readonly image: ImagesInput;
  /** How far to change it: 0 not at all, 1 leaves nothing of it. Defaults to 0.8. */
  readonly strength?: number | undefined;
  /** Latents to begin with instead of the image's, noise included, float32 [N, 4, h, w]. */
  readonly latents?: Tensor | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type LatentConsistencyModelImg2ImgArguments = [
  prompt: string | readonly string[] | undefined,
  options: LatentConsistencyModelImg2ImgOptions,
];

/** A loaded LatentConsistencyModelImg2ImgPipeline. */
export type LatentConsistencyModelImg2ImgPipeline = Pipeline<
  StableDiffusionComponents,
  LatentConsistencyModelImg2ImgArguments,
  ImageOutput
>;

/** Image and text to images; `LatentConsistencyModelImg2ImgPipeline` of diffusers. */
export const LatentConsistencyModelImg2ImgPipeline: PipelineClass<
  StableDiffusionComponents,
  LatentConsistencyModelImg2ImgArguments,
  ImageOutput
> = definePipeline({
  className: "LatentConsistencyModelImg2ImgPipeline",
  task: "image-to-image",
  family: "latent-consistency-model",
  takesPrompt: true,
  options: {
    ...runOptions,
    ...consistencyGuidanceOptions,
    ...imagePromptOptions,
    numInferenceSteps: { type: "integer", minimum: 1 },
    timesteps: timestepOptions.timesteps,
    image: { type: "image", list: "allowed", required: true },
    strength: { type: "number", minimum: 0, maximum: 1 },
    latents: { type: "tensor" },
  },
  defaults: { numInferenceSteps: 4, strength: 0.8, guidanceScale: 8.5 },
  ...latentConsistency,
  generate,
});

type Run = PipelineRun<StableDiffusionComponents>;

async function* generate(run: Run, ...[prompt, options]: LatentConsistencyModelImg2ImgArguments) {
  const { unet, scheduler } = run.components;
  const { strength = 0.8, guidanceScale = 8.5, originalInferenceSteps, outputType, signal } =
    options;
  checkOutputType(outputType);
  checkStrength(strength);
  checkConsistencyModel(run.components);
  const text = await conditionOnText(run, prompt, { ...options, guidanceScale });
  const { count, encoderHiddenStates, timestepCond } = text;
  const imageEmbeds = await conditionOnImages(run.components, options, text);

  const timesteps = planTimesteps(scheduler, { numInferenceSteps: 4, ...options }, {
    strength,
    ...(originalInferenceSteps === undefined ? {} : { originalInferenceSteps }),
  });
  const noise = batchNoise(count, options);
  const latents = options.latents ??
    await noisedImageLatents(run, options.image, count, noise, timesteps[0]!);
  const settings = stepOptions(scheduler, noise);
  const steps = scheduler.numInferenceSteps ?? timesteps.length;
  const recipe = describeRun(prompt, options, { steps, guidanceScale, strength }, noise);

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

/**
 * StableDiffusionXLImg2ImgPipeline: an image changed towards a text (SDEdit, arXiv:2108.01073), or
 * refined: the refiner of Podell et al. (arXiv:2307.01952) takes the latents of a run that ended at
 * `denoisingEnd` and goes on from the same `denoisingStart`.
 *
 * Not covered: `crossAttentionKwargs`, the invisible watermark.
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionXLImg2ImgPipeline, StableDiffusionXLPipeline } from "@denoise/denoise";
 *
 * const base = await StableDiffusionXLPipeline.fromPretrained("./sdxl-base");
 * const refiner = await StableDiffusionXLImg2ImgPipeline.fromPretrained("./sdxl-refiner");
 * const prompt = "a lighthouse at dusk, film grain";
 * const { tensor } = await base(prompt, { denoisingEnd: 0.8, outputType: "latent" });
 * const { images } = await refiner(prompt, { image: tensor, denoisingStart: 0.8 });
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
  checkDenoisingRange,
  checkOutputType,
  checkStrength,
  denoise,
  type DenoisingRangeOptions,
  denoisingRangeOptions,
  describeRun,
  finishLatents,
  type ImagesInput,
  noisedImageLatents,
  planTimesteps,
  predictGuided,
  previewLatents,
  stepOptions,
  strengthTimesteps,
  type TimestepOptions,
  timestepOptions,
  timestepsFrom,
  timestepsUpTo,
  vaeScaleFactor,
} from "@denoise/diffusion";
import {
  conditionOnImages,
  conditionOnXlText,
  type ImagePromptOptions,
  imagePromptOptions,
  imageTimeIds,
  stableDiffusionXL,
  type StableDiffusionXLComponents,
  type XlAestheticOptions,
  xlAestheticOptions,
  type XlGuidanceOptions,
  xlGuidanceOptions,
  type XlSizeOptions,
  xlSizeOptions,
} from "@denoise/stable-diffusion";

/** Options of a call. */
export interface StableDiffusionXLImg2ImgOptions
  extends
    RunOptions,
    XlGuidanceOptions,
    ImagePromptOptions,
    XlSizeOptions,
    XlAestheticOptions,
    TimestepOptions,
    DenoisingRangeOptions {
  /** The image to change, or one for each image to make; or latents, float32 [N, 4, h, w]. */
  readonly image: ImagesInput;
  /** How far to change it, 0..1. Defaults to 0.3. Does not count with `denoisingStart`. */
  readonly strength?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. */
  readonly eta?: number | undefined;
  /** Latents to begin with instead of the image's, noise included, float32 [N, 4, h, w]. */
  readonly latents?: Tensor | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionXLImg2ImgArguments = [
  prompt: string | readonly string[] | undefined,
  options: StableDiffusionXLImg2ImgOptions,
];

/** A loaded StableDiffusionXLImg2ImgPipeline. */
export type StableDiffusionXLImg2ImgPipeline = Pipeline<
  StableDiffusionXLComponents,
  StableDiffusionXLImg2ImgArguments,
  ImageOutput
>;

/** Image and text to images; `StableDiffusionXLImg2ImgPipeline` of diffusers. */
export const StableDiffusionXLImg2ImgPipeline: PipelineClass<
  StableDiffusionXLComponents,
  StableDiffusionXLImg2ImgArguments,
  ImageOutput
> = definePipeline({
  className: "StableDiffusionXLImg2ImgPipeline",
  task: "image-to-image",
  family: "stable-diffusion-xl",
  takesPrompt: true,
  options: {
    ...runOptions,
    ...xlGuidanceOptions,
    ...imagePromptOptions,
    ...xlSizeOptions,
    ...xlAestheticOptions,
    ...timestepOptions,
    ...denoisingRangeOptions,
    image: { type: "image", list: "allowed", required: true },
    strength: { type: "number", minimum: 0, maximum: 1 },
    eta: { type: "number" },
    latents: { type: "tensor" },
  },
  defaults: { numInferenceSteps: 50, strength: 0.3, guidanceScale: 5 },
  ...stableDiffusionXL,
  settings: { requires_aesthetics_score: false, force_zeros_for_empty_prompt: true },
  generate,
});

type Run = PipelineRun<StableDiffusionXLComponents>;

async function* generate(run: Run, ...[prompt, options]: StableDiffusionXLImg2ImgArguments) {
  const { unet, vae, scheduler } = run.components;
  const { strength = 0.3, guidanceScale = 5, eta = 0, outputType, signal } = options;
  const { denoisingStart, denoisingEnd } = options;
  checkOutputType(outputType);
  checkStrength(strength);
  checkDenoisingRange(options);
  const text = await conditionOnXlText(run, prompt, { ...options, guidanceScale });
  const imageEmbeds = await conditionOnImages(run.components, options, text);
  const { count, guidance, guidanceRescale } = text;

  const planned = planTimesteps(scheduler, { numInferenceSteps: 50, ...options });
  const steps = scheduler.numInferenceSteps ?? planned.length;
  const left = denoisingStart === undefined
    ? strengthTimesteps(scheduler, strength, steps)
    : timestepsFrom(scheduler, denoisingStart);
  const noise = batchNoise(count, options);
  const first = denoisingStart === undefined ? left[0] : undefined;
  const latents = options.latents ??
    await noisedImageLatents(run, options.image, count, noise, first);
  const timesteps = timestepsUpTo(scheduler, left, denoisingEnd);

  const factor = vaeScaleFactor(vae);
  const [height, width] = latents.dims.slice(2).map((size) => size * factor) as [number, number];
  const requiresScore = run.settings.requires_aesthetics_score === true;
  const ids = imageTimeIds(options, [height, width], requiresScore);
  const conditioning = text.denoiserOptions(ids);
  const settings = stepOptions(scheduler, noise, { eta });
  const facts = { steps, strength, guidanceScale, guidanceRescale, eta, width, height };
  const recipe = describeRun(prompt, options, facts, noise);

  const { latents: last } = yield* denoise(latents, {
    scheduler,
    timesteps,
    settings,
    options,
    predict: (latents, timestep) =>
      predictGuided(
        { guidance, guidanceScale, guidanceRescale },
        scheduler.scaleModelInput(latents, timestep),
        (input) => unet.forward(input, timestep, { ...conditioning, imageEmbeds, signal }),
      ),
    preview: (stepped) => previewLatents(run, stepped, recipe),
  });
  return await finishLatents(run, last, outputType, recipe);
}

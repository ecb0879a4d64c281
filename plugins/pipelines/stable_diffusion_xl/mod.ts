/**
 * StableDiffusionXLPipeline: images from text with two text encoders and a UNet that is told the
 * image's size. Podell et al., "SDXL: Improving Latent Diffusion Models for High-Resolution Image
 * Synthesis" (arXiv:2307.01952). With `denoisingEnd` and `outputType: "latent"` a refiner can go on
 * where it stops: StableDiffusionXLImg2ImgPipeline with `denoisingStart`.
 *
 * Not covered: `crossAttentionKwargs`, the invisible watermark.
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionXLPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionXLPipeline.fromPretrained(
 *   "stabilityai/stable-diffusion-xl-base-1.0",
 * );
 * const { images } = await pipe("a lighthouse at dusk, film grain", { seed: 0 });
 * await images[0].save("lighthouse.png");
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
  checkSize,
  denoise,
  type DenoisingRangeOptions,
  denoisingRangeOptions,
  describeRun,
  finishLatents,
  initialLatents,
  planTimesteps,
  predictGuided,
  previewLatents,
  sampleSize,
  sizeOptions,
  stepOptions,
  type TimestepOptions,
  timestepOptions,
  timestepsUpTo,
  vaeScaleFactor,
} from "@denoise/diffusion";
import {
  conditionOnImages,
  conditionOnXlText,
  type ImagePromptOptions,
  imagePromptOptions,
  stableDiffusionXL,
  type StableDiffusionXLComponents,
  textTimeIds,
  type XlGuidanceOptions,
  xlGuidanceOptions,
  type XlSizeOptions,
  xlSizeOptions,
} from "@denoise/stable-diffusion";

export type { StableDiffusionXLComponents };

/** Options of a call. */
export interface StableDiffusionXLOptions
  extends
    RunOptions,
    XlGuidanceOptions,
    ImagePromptOptions,
    XlSizeOptions,
    TimestepOptions,
    Pick<DenoisingRangeOptions, "denoisingEnd"> {
  /** Height in pixels, a multiple of 8. Defaults to what the model was trained for. */
  readonly height?: number | undefined;
  /** Width in pixels, a multiple of 8. Defaults to what the model was trained for. */
  readonly width?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. */
  readonly eta?: number | undefined;
  /** Own noise to begin with, float32 [N, 4, height / 8, width / 8]. */
  readonly latents?: Tensor | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionXLArguments = [
  prompt?: string | readonly string[],
  options?: StableDiffusionXLOptions,
];

/** A loaded StableDiffusionXLPipeline. */
export type StableDiffusionXLPipeline = Pipeline<
  StableDiffusionXLComponents,
  StableDiffusionXLArguments,
  ImageOutput
>;

/** Text to images; `StableDiffusionXLPipeline` of diffusers. */
export const StableDiffusionXLPipeline: PipelineClass<
  StableDiffusionXLComponents,
  StableDiffusionXLArguments,
  ImageOutput
> = definePipeline({
  className: "StableDiffusionXLPipeline",
  task: "text-to-image",
  family: "stable-diffusion-xl",
  takesPrompt: true,
  options: {
    ...runOptions,
    ...xlGuidanceOptions,
    ...imagePromptOptions,
    ...xlSizeOptions,
    ...timestepOptions,
    denoisingEnd: denoisingRangeOptions.denoisingEnd,
    ...sizeOptions,
    eta: { type: "number" },
    latents: { type: "tensor" },
  },
  defaults: { numInferenceSteps: 50, guidanceScale: 5 },
  defaultSize: (components) => imageSize(components, {}),
  ...stableDiffusionXL,
  settings: { force_zeros_for_empty_prompt: true },
  generate,
});

type Run = PipelineRun<StableDiffusionXLComponents>;

async function* generate(run: Run, ...[prompt, options = {}]: StableDiffusionXLArguments) {
  const { unet, vae, scheduler } = run.components;
  const { guidanceScale = 5, eta = 0, outputType, signal } = options;
  checkOutputType(outputType);
  checkDenoisingRange(options);
  const { height, width } = imageSize(run.components, options);
  const text = await conditionOnXlText(run, prompt, { ...options, guidanceScale });
  const imageEmbeds = await conditionOnImages(run.components, options, text);
  const { count, guidance, guidanceRescale } = text;
  const conditioning = text.denoiserOptions(textTimeIds(options, [height, width]), "alternating");

  const planned = planTimesteps(scheduler, { numInferenceSteps: 50, ...options });
  scheduler.setBeginIndex(0);
  const timesteps = timestepsUpTo(scheduler, planned, options.denoisingEnd);
  const noise = batchNoise(count, options);
  const factor = vaeScaleFactor(vae);
  const dims = [count, unet.config.in_channels, height / factor, width / factor];
  const latents = initialLatents(dims, noise, scheduler, options.latents);
  const settings = stepOptions(scheduler, noise, { eta });
  const steps = scheduler.numInferenceSteps ?? planned.length;
  const facts = { steps, guidanceScale, guidanceRescale, eta, width, height };
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

/** The size of the images in pixels. */
function imageSize(
  { unet, vae }: StableDiffusionXLComponents,
  options: StableDiffusionXLOptions,
): { readonly height: number; readonly width: number } {
  const factor = vaeScaleFactor(vae);
  const [rows, columns] = sampleSize(unet.config.sample_size);
  const { height = rows * factor, width = columns * factor } = options;
  checkSize(height, width, Math.max(8, factor));
  return { height, width };
}

/**
 * StableDiffusionXLInpaintPipeline: what a mask covers of an image is inpainted, after a text.
 * With a UNet of 9 channels that sees mask and image, or with any Stable Diffusion XL UNet of 4
 * channels (Podell et al., arXiv:2307.01952), where the rest of the image is put back each step.
 *
 * Not covered: `crossAttentionKwargs`, the invisible watermark. Where
 * an autoencoder has `latents_mean`, images are encoded with it; diffusers leaves that out here.
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionXLInpaintPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionXLInpaintPipeline.fromPretrained(
 *   "diffusers/stable-diffusion-xl-1.0-inpainting-0.1",
 * );
 * const { images } = await pipe("a lion on a bench", { image: "dog.png", maskImage: "mask.png" });
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
  checkInpaintInput,
  checkOutputType,
  checkStepLeft,
  checkStrength,
  cropToMask,
  denoise,
  type DenoisingRangeOptions,
  denoisingRangeOptions,
  describeRun,
  finishLatents,
  type InpaintInput,
  inpaintInput,
  inpaintLatents,
  planTimesteps,
  predictGuided,
  prepareImages,
  previewLatents,
  seesMask,
  sizeOptions,
  stepOptions,
  strengthTimesteps,
  type TimestepOptions,
  timestepOptions,
  timestepsFrom,
  timestepsUpTo,
} from "@denoise/diffusion";
import {
  conditionOnImages,
  conditionOnXlText,
  type ImagePromptOptions,
  imagePromptOptions,
  imageSize,
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
export interface StableDiffusionXLInpaintOptions
  extends
    RunOptions,
    XlGuidanceOptions,
    ImagePromptOptions,
    XlSizeOptions,
    XlAestheticOptions,
    TimestepOptions,
    DenoisingRangeOptions,
    InpaintInput {
  /** Height in pixels, a multiple of 8. Defaults to what the model was trained for. */
  readonly height?: number | undefined;
  /** Width in pixels, a multiple of 8. Defaults to what the model was trained for. */
  readonly width?: number | undefined;
  /** Denoising strength of the masked part, 0..1. Defaults to 0.9999. */
  readonly strength?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. */
  readonly eta?: number | undefined;
  /** Own noise to begin with, float32 [N, 4, height / 8, width / 8]. */
  readonly latents?: Tensor | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionXLInpaintArguments = [
  prompt: string | readonly string[] | undefined,
  options: StableDiffusionXLInpaintOptions,
];

/** A loaded StableDiffusionXLInpaintPipeline. */
export type StableDiffusionXLInpaintPipeline = Pipeline<
  StableDiffusionXLComponents,
  StableDiffusionXLInpaintArguments,
  ImageOutput
>;

/** Image, mask and text to images; `StableDiffusionXLInpaintPipeline` of diffusers. */
export const StableDiffusionXLInpaintPipeline: PipelineClass<
  StableDiffusionXLComponents,
  StableDiffusionXLInpaintArguments,
  ImageOutput
> = definePipeline({
  className: "StableDiffusionXLInpaintPipeline",
  task: "inpainting",
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
    ...inpaintInput,
    ...sizeOptions,
    strength: { type: "number", minimum: 0, maximum: 1 },
    eta: { type: "number" },
    latents: { type: "tensor" },
  },
  defaults: { numInferenceSteps: 50, strength: 0.9999, guidanceScale: 7.5 },
  defaultSize: (components) => imageSize(components, {}),
  ...stableDiffusionXL,
  settings: { requires_aesthetics_score: false, force_zeros_for_empty_prompt: true },
  generate,
});

type Run = PipelineRun<StableDiffusionXLComponents>;

async function* generate(run: Run, ...[prompt, options]: StableDiffusionXLInpaintArguments) {
  const { unet, vae, scheduler } = run.components;
  const { strength = 0.9999, guidanceScale = 7.5, eta = 0, outputType, signal } = options;
  const { denoisingStart, denoisingEnd } = options;
  checkOutputType(outputType);
  checkStrength(strength);
  checkDenoisingRange(options);
  checkInpaintInput(options);
  const nineChannels = seesMask(run.components);
  const size = imageSize(run.components, options);
  const text = await conditionOnXlText(run, prompt, { ...options, guidanceScale });
  const imageEmbeds = await conditionOnImages(run.components, options, text);
  const { count, guidance, guidanceRescale } = text;
  const requiresScore = run.settings.requires_aesthetics_score === true;
  const ids = imageTimeIds(options, [size.height, size.width], requiresScore);
  const conditioning = text.denoiserOptions(ids);

  const planned = planTimesteps(scheduler, { numInferenceSteps: 50, ...options });
  const steps = scheduler.numInferenceSteps ?? planned.length;
  if (denoisingStart === undefined) checkStepLeft(strength, steps);
  const left = denoisingStart === undefined
    ? strengthTimesteps(scheduler, strength, steps)
    : timestepsFrom(scheduler, denoisingStart);
  const timesteps = timestepsUpTo(scheduler, left, denoisingEnd);
  const codec = await run.images();
  const latentChannels = vae.config.latent_channels;
  const crop = await cropToMask(codec, options, size, outputType);
  const given = await prepareImages(codec, crop.image, { ...size, latentChannels });
  const noise = batchNoise(count, options);
  const painting = await inpaintLatents(
    run,
    {
      images: given,
      maskImage: crop.maskImage,
      nineChannels,
      size,
      count,
      first: left[0]!,
      strength,
      goesOn: denoisingStart !== undefined,
    },
    options,
    noise,
  );
  const settings = stepOptions(scheduler, noise, { eta });
  const facts = { steps, strength, guidanceScale, guidanceRescale, eta, ...size };
  const recipe = describeRun(prompt, options, facts, noise);

  const { latents: last } = yield* denoise(painting.latents, {
    scheduler,
    timesteps,
    settings,
    options,
    predict: (latents, timestep) =>
      predictGuided(
        { guidance, guidanceScale, guidanceRescale },
        painting.see(scheduler.scaleModelInput(latents, timestep)),
        (input) => unet.forward(input, timestep, { ...conditioning, imageEmbeds, signal }),
      ),
    keep: ({ prevSample }, index) => painting.keep(prevSample, timesteps[index + 1]),
    preview: (stepped) => previewLatents(run, stepped, recipe),
  });
  return crop.restore(await finishLatents(run, last, outputType, recipe));
}

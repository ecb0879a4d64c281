/**
 * StableDiffusionXLControlNetInpaintPipeline: what a mask covers of an image is inpainted, after
 * a text and a second image that says where things are. Zhang, Rao and Agrawala (arXiv:2302.05543)
 * with Stable Diffusion XL (arXiv:2307.01952). With UNets of 9 channels that see mask and image,
 * or of 4.
 *
 * Not covered: `crossAttentionKwargs`, the invisible watermark. Where an autoencoder has
 * `latents_mean`, images are encoded and decoded with it; diffusers leaves that out here.
 *
 * @example
 * ```ts ignore
 * import { ControlNetModel, StableDiffusionXLControlNetInpaintPipeline } from "@denoise/denoise";
 *
 * const controlnet = await ControlNetModel.fromPretrained("diffusers/controlnet-canny-sdxl-1.0");
 * const pipe = await StableDiffusionXLControlNetInpaintPipeline.fromPretrained(
 *   "stabilityai/stable-diffusion-xl-base-1.0",
 *   { controlnet },
 * );
 * const { images } = await pipe("a cat on a bench", {
 *   image: "dog.png",
 *   maskImage: "mask.png",
 *   controlImage: "edges.png",
 * });
 * await images[0].save("cat.png");
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
  checkSize,
  checkStepLeft,
  checkStrength,
  countPrompts,
  cropToMask,
  type DenoisingRangeOptions,
  denoisingRangeOptions,
  describeRun,
  type InpaintInput,
  inpaintInput,
  inpaintLatents,
  planTimesteps,
  prepareImages,
  seesMask,
  sizeOptions,
  stepOptions,
  strengthTimesteps,
  timestepsFrom,
  timestepsUpTo,
  vaeScaleFactor,
} from "@denoise/diffusion";
import {
  conditionOnImages,
  conditionOnXlText,
  type ControlImages,
  controlImages,
  controlledXL,
  type ControlOptions,
  controlOptions,
  cropControlImages,
  drawControlled,
  type ImagePromptOptions,
  imagePromptOptions,
  imageTimeIds,
  planControl,
  sizeInPixels,
  type XlAestheticOptions,
  xlAestheticOptions,
  type XlControlComponents,
  type XlGuidanceOptions,
  xlGuidanceOptions,
  type XlSizeOptions,
  xlSizeOptions,
  type XlTimeIds,
} from "@denoise/stable-diffusion";

/** Options of a call. */
export interface StableDiffusionXLControlNetInpaintOptions
  extends
    RunOptions,
    XlGuidanceOptions,
    ImagePromptOptions,
    Pick<XlSizeOptions, "originalSize" | "cropsCoordsTopLeft" | "targetSize">,
    XlAestheticOptions,
    DenoisingRangeOptions,
    Omit<InpaintInput, "maskedImageLatents">,
    ControlOptions {
  /** The image to control by, or one for each prompt; for several ControlNets a list of them. */
  readonly controlImage: ControlImages;
  /** Height in pixels, a multiple of 8. Defaults to that of the image. */
  readonly height?: number | undefined;
  /** Width in pixels, a multiple of 8. Defaults to that of the image. */
  readonly width?: number | undefined;
  /** Denoising strength of the masked part, 0..1. Defaults to 0.9999. */
  readonly strength?: number | undefined;
  /** Number of denoising steps, of which `strength` takes a part. Defaults to 50. */
  readonly numInferenceSteps?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. */
  readonly eta?: number | undefined;
  /** Own noise to begin with, float32 [N, 4, height / 8, width / 8]. */
  readonly latents?: Tensor | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionXLControlNetInpaintArguments = [
  prompt: string | readonly string[] | undefined,
  options: StableDiffusionXLControlNetInpaintOptions,
];

/** A loaded StableDiffusionXLControlNetInpaintPipeline. */
export type StableDiffusionXLControlNetInpaintPipeline = Pipeline<
  XlControlComponents,
  StableDiffusionXLControlNetInpaintArguments,
  ImageOutput
>;

/** Image, mask, control image and text to images; `StableDiffusionXLControlNetInpaintPipeline` of diffusers. */
export const StableDiffusionXLControlNetInpaintPipeline: PipelineClass<
  XlControlComponents,
  StableDiffusionXLControlNetInpaintArguments,
  ImageOutput
> = definePipeline({
  className: "StableDiffusionXLControlNetInpaintPipeline",
  task: "inpainting",
  family: "stable-diffusion-xl",
  control: true,
  takesPrompt: true,
  options: {
    ...runOptions,
    ...xlGuidanceOptions,
    ...imagePromptOptions,
    ...xlSizeOptions,
    ...xlAestheticOptions,
    ...denoisingRangeOptions,
    ...controlOptions,
    ...inpaintInput,
    controlImage: { type: "image", list: "allowed", required: true },
    ...sizeOptions,
    strength: { type: "number", minimum: 0, maximum: 1 },
    numInferenceSteps: { type: "integer", minimum: 1 },
    eta: { type: "number" },
    latents: { type: "tensor" },
  },
  defaults: {
    numInferenceSteps: 50,
    strength: 0.9999,
    guidanceScale: 5,
    controlnetConditioningScale: 1,
  },
  ...controlledXL,
  settings: { requires_aesthetics_score: false, force_zeros_for_empty_prompt: true },
  generate,
});

type Run = PipelineRun<XlControlComponents>;

async function* generate(
  run: Run,
  ...[prompt, options]: StableDiffusionXLControlNetInpaintArguments
) {
  const { vae, scheduler } = run.components;
  const { strength = 0.9999, guidanceScale = 5, eta = 0, outputType } = options;
  const { numInferenceSteps: steps = 50, denoisingStart, denoisingEnd } = options;
  checkOutputType(outputType);
  checkStrength(strength);
  checkDenoisingRange(options);
  checkInpaintInput(options);
  const nineChannels = seesMask(run.components);
  // as in diffusers a ControlNet of pooled images is not put into guess mode here
  const plan = { ...planControl(run.components, options), guessMode: options.guessMode ?? false };
  const codec = await run.images();
  const latentChannels = vae.config.latent_channels;
  const factor = vaeScaleFactor(vae);
  const { height, width } = options;
  const fit = { height, width, multiple: factor, latentChannels };
  const whole = await prepareImages(codec, options.image, fit);
  const size = sizeInPixels(whole, vae);
  checkSize(size.height, size.width, factor);
  const text = await conditionOnXlText(run, prompt, { ...options, guidanceScale });
  const imageEmbeds = await conditionOnImages(run.components, options, text);
  const { count, guidance, guidanceRescale } = text;
  const ids = timeIds(run, options, size);
  // an embedded guidance scale is not given to the UNet here, as in diffusers
  const conditioning = { ...text.denoiserOptions(ids), timestepCond: undefined };

  planTimesteps(scheduler, { numInferenceSteps: steps });
  if (denoisingStart === undefined) checkStepLeft(strength, steps);
  const left = denoisingStart === undefined
    ? strengthTimesteps(scheduler, strength, steps)
    : timestepsFrom(scheduler, denoisingStart);
  const timesteps = timestepsUpTo(scheduler, left, denoisingEnd);
  const crop = await cropToMask(codec, options, size, outputType);
  const given = options.paddingMaskCrop === undefined
    ? whole
    : await prepareImages(codec, crop.image, size);
  const controls = await controlImages(
    codec,
    run.components,
    await cropControlImages(codec, options.controlImage, options, size),
    { count, prompts: countPrompts(prompt, options) },
    size,
  );
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

  const controlled = {
    plan,
    images: controls,
    guidance: { guidance, guidanceScale, guidanceRescale },
    conditioning: { ...conditioning, imageEmbeds },
    // control ends after a part of all steps, also where the run ends before them
    total: left.length,
    timesteps,
    settings,
    recipe,
    painting,
  };
  return crop.restore(yield* drawControlled(run, painting.latents, controlled, options));
}

/** The sizes that the model is told: the negative text gets those of the text. */
function timeIds(
  { settings }: Run,
  options: StableDiffusionXLControlNetInpaintOptions,
  { height, width }: { readonly height: number; readonly width: number },
): XlTimeIds {
  const { originalSize, cropsCoordsTopLeft, targetSize } = options;
  const { aestheticScore, negativeAestheticScore } = options;
  const sizes = {
    ...{ originalSize, cropsCoordsTopLeft, targetSize, aestheticScore, negativeAestheticScore },
    negativeCropsCoordsTopLeft: cropsCoordsTopLeft,
  };
  return imageTimeIds(sizes, [height, width], settings.requires_aesthetics_score === true);
}

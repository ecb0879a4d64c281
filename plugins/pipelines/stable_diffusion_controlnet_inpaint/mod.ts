/**
 * StableDiffusionControlNetInpaintPipeline: what a mask covers of an image is inpainted, after a
 * text and a second image that says where things are. Zhang, Rao and Agrawala (arXiv:2302.05543).
 * With UNets of 9 channels that see mask and image, or of 4.
 *
 * Not covered: `crossAttentionKwargs`, AsymmetricAutoencoderKL.
 *
 * @example
 * ```ts ignore
 * import { ControlNetModel, StableDiffusionControlNetInpaintPipeline } from "@denoise/denoise";
 *
 * const controlnet = await ControlNetModel.fromPretrained("lllyasviel/sd-controlnet-canny");
 * const pipe = await StableDiffusionControlNetInpaintPipeline.fromPretrained(
 *   "stable-diffusion-v1-5/stable-diffusion-v1-5",
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
  checkInpaintInput,
  checkOutputType,
  checkSize,
  checkStrength,
  countPrompts,
  cropToMask,
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
  type TimestepOptions,
  timestepOptions,
  vaeScaleFactor,
} from "@denoise/diffusion";
import {
  conditionOnImages,
  conditionOnText,
  type ControlComponents,
  type ControlImages,
  controlImages,
  controlled,
  type ControlOptions,
  controlOptions,
  cropControlImages,
  drawControlled,
  type GuidanceOptions,
  guidanceOptions,
  type ImagePromptOptions,
  imagePromptOptions,
  planControl,
  sizeInPixels,
} from "@denoise/stable-diffusion";

/** Options of a call. */
export interface StableDiffusionControlNetInpaintOptions
  extends
    RunOptions,
    GuidanceOptions,
    TimestepOptions,
    ImagePromptOptions,
    InpaintInput,
    ControlOptions {
  /** The image to control by, or one for each prompt; for several ControlNets a list of them. */
  readonly controlImage: ControlImages;
  /** Height in pixels, a multiple of 8. Defaults to that of the image. */
  readonly height?: number | undefined;
  /** Width in pixels, a multiple of 8. Defaults to that of the image. */
  readonly width?: number | undefined;
  /** Denoising strength of the masked part, 0..1. Defaults to 1. */
  readonly strength?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. */
  readonly eta?: number | undefined;
  /** Own noise to begin with, float32 [N, 4, height / 8, width / 8]. */
  readonly latents?: Tensor | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionControlNetInpaintArguments = [
  prompt: string | readonly string[] | undefined,
  options: StableDiffusionControlNetInpaintOptions,
];

/** A loaded StableDiffusionControlNetInpaintPipeline. */
export type StableDiffusionControlNetInpaintPipeline = Pipeline<
  ControlComponents,
  StableDiffusionControlNetInpaintArguments,
  ImageOutput
>;

/** Image, mask, control image and text to images; `StableDiffusionControlNetInpaintPipeline` of diffusers. */
export const StableDiffusionControlNetInpaintPipeline: PipelineClass<
  ControlComponents,
  StableDiffusionControlNetInpaintArguments,
  ImageOutput
> = definePipeline({
  className: "StableDiffusionControlNetInpaintPipeline",
  task: "inpainting",
  family: "stable-diffusion",
  control: true,
  takesPrompt: true,
  options: {
    ...runOptions,
    ...guidanceOptions,
    ...timestepOptions,
    ...imagePromptOptions,
    ...controlOptions,
    ...inpaintInput,
    controlImage: { type: "image", list: "allowed", required: true },
    ...sizeOptions,
    strength: { type: "number", minimum: 0, maximum: 1 },
    eta: { type: "number" },
    latents: { type: "tensor" },
  },
  defaults: {
    numInferenceSteps: 50,
    strength: 1,
    guidanceScale: 7.5,
    controlnetConditioningScale: 0.5,
  },
  ...controlled,
  generate,
});

type Run = PipelineRun<ControlComponents>;

async function* generate(
  run: Run,
  ...[prompt, options]: StableDiffusionControlNetInpaintArguments
) {
  const { vae, scheduler } = run.components;
  const { strength = 1, eta = 0, outputType } = options;
  checkOutputType(outputType);
  checkStrength(strength);
  checkInpaintInput(options);
  const nineChannels = seesMask(run.components);
  const plan = planControl(run.components, options, 0.5);
  const codec = await run.images();
  const latentChannels = vae.config.latent_channels;
  const { height, width } = options;
  const multiple = vaeScaleFactor(vae);
  const whole = await prepareImages(codec, options.image, {
    height,
    width,
    multiple,
    latentChannels,
  });
  const size = sizeInPixels(whole, vae);
  checkSize(size.height, size.width, multiple);
  const text = await conditionOnText(run, prompt, options);
  const { count, guidance, guidanceScale, encoderHiddenStates, timestepCond } = text;
  const imageEmbeds = await conditionOnImages(run.components, options, text);

  const planned = planTimesteps(scheduler, { numInferenceSteps: 50, ...options });
  const steps = scheduler.numInferenceSteps ?? planned.length;
  const timesteps = strengthTimesteps(scheduler, strength, steps);
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
      first: timesteps[0]!,
      strength,
    },
    options,
    noise,
  );
  const settings = stepOptions(scheduler, noise, { eta });
  const facts = { steps, strength, guidanceScale, eta, ...size };
  const recipe = describeRun(prompt, options, facts, noise);

  const controlled = {
    plan,
    images: controls,
    guidance: { guidance, guidanceScale },
    conditioning: { encoderHiddenStates, timestepCond, imageEmbeds },
    total: timesteps.length,
    timesteps,
    settings,
    recipe,
    painting,
  };
  return crop.restore(yield* drawControlled(run, painting.latents, controlled, options));
}

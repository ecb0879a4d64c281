/**
 * StableDiffusionInpaintPipeline: what a mask covers of an image is inpainted, after a text.
 * With a UNet of 9 channels that sees mask and image (Rombach et al., arXiv:2112.10752, section
 * 4.5), or with any UNet of 4 channels, where the rest of the image is put back at every step.
 *
 * Not covered: `crossAttentionKwargs`, AsymmetricAutoencoderKL.
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionInpaintPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionInpaintPipeline.fromPretrained(
 *   "stable-diffusion-v1-5/stable-diffusion-inpainting",
 * );
 * const { images } = await pipe("a cat on a bench", { image: "dog.png", maskImage: "mask.png" });
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
  checkStepLeft,
  checkStrength,
  cropToMask,
  denoise,
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
} from "@denoise/diffusion";
import {
  conditionOnImages,
  conditionOnText,
  type GuidanceOptions,
  guidanceOptions,
  type ImagePromptOptions,
  imagePromptOptions,
  imageSize,
  stableDiffusion,
  type StableDiffusionComponents,
} from "@denoise/stable-diffusion";

/** Options of a call. */
export interface StableDiffusionInpaintOptions
  extends RunOptions, GuidanceOptions, TimestepOptions, ImagePromptOptions, InpaintInput {
  /** Height in pixels, a multiple of 8. Defaults to what the model was trained for. */
  readonly height?: number | undefined;
  /** Width in pixels, a multiple of 8. Defaults to what the model was trained for. */
  readonly width?: number | undefined;
  /** Denoising strength of the masked part, 0..1. Defaults to 1. */
  readonly strength?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. */
  readonly eta?: number | undefined;
  /** Own noise to begin with, float32 [N, 4, height / 8, width / 8]. */
  readonly latents?: Tensor | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionInpaintArguments = [
  prompt: string | readonly string[] | undefined,
  options: StableDiffusionInpaintOptions,
];

/** A loaded StableDiffusionInpaintPipeline. */
export type StableDiffusionInpaintPipeline = Pipeline<
  StableDiffusionComponents,
  StableDiffusionInpaintArguments,
  ImageOutput
>;

/** Image, mask and text to images; `StableDiffusionInpaintPipeline` of diffusers. */
export const StableDiffusionInpaintPipeline: PipelineClass<
  StableDiffusionComponents,
  StableDiffusionInpaintArguments,
  ImageOutput
> = definePipeline({
  className: "StableDiffusionInpaintPipeline",
  task: "inpainting",
  family: "stable-diffusion",
  takesPrompt: true,
  options: {
    ...runOptions,
    ...guidanceOptions,
    ...timestepOptions,
    ...imagePromptOptions,
    ...inpaintInput,
    ...sizeOptions,
    strength: { type: "number", minimum: 0, maximum: 1 },
    eta: { type: "number" },
    latents: { type: "tensor" },
  },
  defaults: { numInferenceSteps: 50, strength: 1, guidanceScale: 7.5 },
  defaultSize: (components) => imageSize(components, {}),
  ...stableDiffusion,
  generate,
});

type Run = PipelineRun<StableDiffusionComponents>;

async function* generate(run: Run, ...[prompt, options]: StableDiffusionInpaintArguments) {
  const { unet, vae, scheduler } = run.components;
  const { strength = 1, eta = 0, outputType, signal } = options;
  checkOutputType(outputType);
  checkStrength(strength);
  checkInpaintInput(options);
  const nineChannels = seesMask(run.components);
  const size = imageSize(run.components, options);
  const text = await conditionOnText(run, prompt, options);
  const { count, guidance, guidanceScale, encoderHiddenStates, timestepCond } = text;
  const imageEmbeds = await conditionOnImages(run.components, options, text);

  const planned = planTimesteps(scheduler, { numInferenceSteps: 50, ...options });
  const steps = scheduler.numInferenceSteps ?? planned.length;
  checkStepLeft(strength, steps);
  const timesteps = strengthTimesteps(scheduler, strength, steps);
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
      first: timesteps[0]!,
      strength,
    },
    options,
    noise,
  );
  const settings = stepOptions(scheduler, noise, { eta });
  const facts = { steps, strength, guidanceScale, eta, ...size };
  const recipe = describeRun(prompt, options, facts, noise);

  const { latents: last } = yield* denoise(painting.latents, {
    scheduler,
    timesteps,
    settings,
    options,
    predict: (latents, timestep) =>
      predictGuided(
        { guidance, guidanceScale },
        painting.see(scheduler.scaleModelInput(latents, timestep)),
        (input) =>
          unet.forward(input, timestep, { encoderHiddenStates, timestepCond, imageEmbeds, signal }),
      ),
    keep: ({ prevSample }, index) => painting.keep(prevSample, timesteps[index + 1]),
    preview: (stepped) => previewLatents(run, stepped, recipe),
  });
  return crop.restore(await finishLatents(run, last, outputType, recipe));
}

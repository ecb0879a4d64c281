/**
 * StableDiffusionPipeline: images from text. Rombach et al., "High-Resolution Image Synthesis with
 * Latent Diffusion Models" (arXiv:2112.10752); Stable Diffusion 1.x and 2.x, and latent consistency
 * models in the same layout.
 *
 * Not covered yet: `crossAttentionKwargs`.
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionPipeline.fromPretrained(
 *   "stable-diffusion-v1-5/stable-diffusion-v1-5",
 * );
 * const { images } = await pipe("An image of a squirrel in Picasso style", { seed: 0 });
 * await images[0].save("squirrel.png");
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
  predictGuided,
  previewLatents,
  sizeOptions,
  stepOptions,
  type TimestepOptions,
  timestepOptions,
  vaeScaleFactor,
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

export type { StableDiffusionComponents };

/** Options of a call. */
export interface StableDiffusionOptions
  extends RunOptions, GuidanceOptions, TimestepOptions, ImagePromptOptions {
  /** Height in pixels, a multiple of 8. Defaults to what the model was trained for. */
  readonly height?: number | undefined;
  /** Width in pixels, a multiple of 8. Defaults to what the model was trained for. */
  readonly width?: number | undefined;
  /** How much contrast is given back after guidance, 0..1 (arXiv:2305.08891). Defaults to 0. */
  readonly guidanceRescale?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. */
  readonly eta?: number | undefined;
  /** Own noise to begin with, float32 [N, 4, height / 8, width / 8]. */
  readonly latents?: Tensor | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionArguments = [
  prompt?: string | readonly string[],
  options?: StableDiffusionOptions,
];

/** A loaded StableDiffusionPipeline. */
export type StableDiffusionPipeline = Pipeline<
  StableDiffusionComponents,
  StableDiffusionArguments,
  ImageOutput
>;

/** Text to images; `StableDiffusionPipeline` of diffusers. */
export const StableDiffusionPipeline: PipelineClass<
  StableDiffusionComponents,
  StableDiffusionArguments,
  ImageOutput
> = definePipeline({
  className: "StableDiffusionPipeline",
  task: "text-to-image",
  family: "stable-diffusion",
  takesPrompt: true,
  options: {
    ...runOptions,
    ...guidanceOptions,
    ...timestepOptions,
    ...imagePromptOptions,
    ...sizeOptions,
    guidanceRescale: { type: "number" },
    eta: { type: "number" },
    latents: { type: "tensor" },
  },
  defaults: { numInferenceSteps: 50, guidanceScale: 7.5 },
  defaultSize: (components) => imageSize(components, {}),
  ...stableDiffusion,
  generate,
});

type Run = PipelineRun<StableDiffusionComponents>;

async function* generate(run: Run, ...[prompt, options = {}]: StableDiffusionArguments) {
  const { unet, vae, scheduler } = run.components;
  const { guidanceRescale = 0, eta = 0, outputType, signal } = options;
  checkOutputType(outputType);
  const { height, width } = imageSize(run.components, options);
  const text = await conditionOnText(run, prompt, options);
  const { count, guidance, guidanceScale, encoderHiddenStates, timestepCond } = text;
  const imageEmbeds = await conditionOnImages(run.components, options, text);

  const timesteps = planTimesteps(scheduler, { numInferenceSteps: 50, ...options });
  const noise = batchNoise(count, options);
  const factor = vaeScaleFactor(vae);
  const dims = [count, unet.config.in_channels, height / factor, width / factor];
  const latents = initialLatents(dims, noise, scheduler, options.latents);
  const settings = stepOptions(scheduler, noise, { eta });
  const steps = scheduler.numInferenceSteps ?? timesteps.length;
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
        (input) =>
          unet.forward(input, timestep, { encoderHiddenStates, timestepCond, imageEmbeds, signal }),
      ),
    preview: (stepped) => previewLatents(run, stepped, recipe),
  });
  return await finishLatents(run, last, outputType, recipe);
}

/**
 * StableDiffusionControlNetPipeline: images from text and an image of edges, a pose or depth that
 * says where things are. Zhang, Rao and Agrawala, "Adding Conditional Control to Text-to-Image
 * Diffusion Models" (arXiv:2302.05543); Stable Diffusion 1.x and 2.x.
 *
 * Not covered: `crossAttentionKwargs`.
 *
 * @example
 * ```ts ignore
 * import { ControlNetModel, StableDiffusionControlNetPipeline } from "@denoise/denoise";
 *
 * const controlnet = await ControlNetModel.fromPretrained("lllyasviel/sd-controlnet-canny");
 * const pipe = await StableDiffusionControlNetPipeline.fromPretrained(
 *   "stable-diffusion-v1-5/stable-diffusion-v1-5",
 *   { controlnet },
 * );
 * const { images } = await pipe("a bird", { image: "edges.png", seed: 0 });
 * await images[0].save("bird.png");
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
  checkSize,
  countPrompts,
  describeRun,
  initialLatents,
  planTimesteps,
  sizeOptions,
  stepOptions,
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
  drawControlled,
  type GuidanceOptions,
  guidanceOptions,
  type ImagePromptOptions,
  imagePromptOptions,
  planControl,
} from "@denoise/stable-diffusion";

export type { ControlComponents };

/** Options of a call. */
export interface StableDiffusionControlNetOptions
  extends RunOptions, GuidanceOptions, TimestepOptions, ImagePromptOptions, ControlOptions {
  /**
   * The image to control by, or one for each prompt; with several ControlNets a list with one for
   * each. Edges, a pose, depth: what the ControlNet was trained on.
   */
  readonly image: ControlImages;
  /** Height in pixels, a multiple of 8. Defaults to that of the control image. */
  readonly height?: number | undefined;
  /** Width in pixels, a multiple of 8. Defaults to that of the control image. */
  readonly width?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. */
  readonly eta?: number | undefined;
  /** Own noise to begin with, float32 [N, 4, height / 8, width / 8]. */
  readonly latents?: Tensor | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionControlNetArguments = [
  prompt: string | readonly string[] | undefined,
  options: StableDiffusionControlNetOptions,
];

/** A loaded StableDiffusionControlNetPipeline. */
export type StableDiffusionControlNetPipeline = Pipeline<
  ControlComponents,
  StableDiffusionControlNetArguments,
  ImageOutput
>;

/** Text and a control image to images; `StableDiffusionControlNetPipeline` of diffusers. */
export const StableDiffusionControlNetPipeline: PipelineClass<
  ControlComponents,
  StableDiffusionControlNetArguments,
  ImageOutput
> = definePipeline({
  className: "StableDiffusionControlNetPipeline",
  task: "text-to-image",
  family: "stable-diffusion",
  control: true,
  takesPrompt: true,
  options: {
    ...runOptions,
    ...guidanceOptions,
    ...timestepOptions,
    ...imagePromptOptions,
    ...controlOptions,
    image: { type: "image", list: "allowed", required: true },
    ...sizeOptions,
    eta: { type: "number" },
    latents: { type: "tensor" },
  },
  defaults: { numInferenceSteps: 50, guidanceScale: 7.5, controlnetConditioningScale: 1 },
  ...controlled,
  generate,
});

type Run = PipelineRun<ControlComponents>;

async function* generate(run: Run, ...[prompt, options]: StableDiffusionControlNetArguments) {
  const { unet, vae, scheduler } = run.components;
  const { eta = 0, outputType } = options;
  checkOutputType(outputType);
  const plan = planControl(run.components, options);
  const text = await conditionOnText(run, prompt, options);
  const { count, guidance, guidanceScale, encoderHiddenStates, timestepCond } = text;
  const imageEmbeds = await conditionOnImages(run.components, options, text);
  const images = await controlImages(
    await run.images(),
    run.components,
    options.image,
    { count, prompts: countPrompts(prompt, options) },
    options,
  );
  const [height, width] = images[0]!.dims.slice(2) as [number, number];
  checkSize(height, width, vaeScaleFactor(vae));

  const timesteps = planTimesteps(scheduler, { numInferenceSteps: 50, ...options });
  const noise = batchNoise(count, options);
  const factor = vaeScaleFactor(vae);
  const dims = [count, unet.config.in_channels, height / factor, width / factor];
  const latents = initialLatents(dims, noise, scheduler, options.latents);
  const settings = stepOptions(scheduler, noise, { eta });
  const steps = scheduler.numInferenceSteps ?? timesteps.length;
  const facts = { steps, guidanceScale, eta, width, height };
  const recipe = describeRun(prompt, options, facts, noise);

  const controlled = {
    plan,
    images,
    guidance: { guidance, guidanceScale },
    conditioning: { encoderHiddenStates, timestepCond, imageEmbeds },
    total: timesteps.length,
    timesteps,
    settings,
    recipe,
  };
  return yield* drawControlled(run, latents, controlled, options);
}

/**
 * StableDiffusionControlNetImg2ImgPipeline: an image changed towards a text, with a second image
 * of edges, a pose or depth that says where things are. Zhang, Rao and Agrawala (arXiv:2302.05543),
 * with SDEdit, Meng et al. (arXiv:2108.01073).
 *
 * Not covered: `crossAttentionKwargs`.
 *
 * @example
 * ```ts ignore
 * import { ControlNetModel, StableDiffusionControlNetImg2ImgPipeline } from "@denoise/denoise";
 *
 * const controlnet = await ControlNetModel.fromPretrained("lllyasviel/sd-controlnet-canny");
 * const pipe = await StableDiffusionControlNetImg2ImgPipeline.fromPretrained(
 *   "stable-diffusion-v1-5/stable-diffusion-v1-5",
 *   { controlnet },
 * );
 * const { images } = await pipe("a bronze bird", {
 *   image: "bird.png",
 *   controlImage: "edges.png",
 *   strength: 0.7,
 * });
 * await images[0].save("bronze.png");
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
} from "@denoise/core";
import {
  batchNoise,
  checkOutputType,
  checkStrength,
  countPrompts,
  describeRun,
  type ImagesInput,
  noisedImageLatents,
  planTimesteps,
  sizeOptions,
  stepOptions,
  strengthTimesteps,
  type TimestepOptions,
  timestepOptions,
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
  sizeInPixels,
} from "@denoise/stable-diffusion";

/** Options of a call. */
export interface StableDiffusionControlNetImg2ImgOptions
  extends RunOptions, GuidanceOptions, TimestepOptions, ImagePromptOptions, ControlOptions {
  /** The image to change, or one for each image to make; sides are cut to multiples of 8. */
  readonly image: ImagesInput;
  /** The image to control by, or one for each prompt; for several ControlNets a list of them. */
  readonly controlImage: ControlImages;
  /** Height in pixels, a multiple of 8. Defaults to that of the image. */
  readonly height?: number | undefined;
  /** Width in pixels, a multiple of 8. Defaults to that of the image. */
  readonly width?: number | undefined;
  /** How far to change it: 0 not at all, 1 leaves nothing of it. Defaults to 0.8. */
  readonly strength?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. */
  readonly eta?: number | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionControlNetImg2ImgArguments = [
  prompt: string | readonly string[] | undefined,
  options: StableDiffusionControlNetImg2ImgOptions,
];

/** A loaded StableDiffusionControlNetImg2ImgPipeline. */
export type StableDiffusionControlNetImg2ImgPipeline = Pipeline<
  ControlComponents,
  StableDiffusionControlNetImg2ImgArguments,
  ImageOutput
>;

/** Image, control image and text to images; `StableDiffusionControlNetImg2ImgPipeline` of diffusers. */
export const StableDiffusionControlNetImg2ImgPipeline: PipelineClass<
  ControlComponents,
  StableDiffusionControlNetImg2ImgArguments,
  ImageOutput
> = definePipeline({
  className: "StableDiffusionControlNetImg2ImgPipeline",
  task: "image-to-image",
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
    controlImage: { type: "image", list: "allowed", required: true },
    ...sizeOptions,
    strength: { type: "number", minimum: 0, maximum: 1 },
    eta: { type: "number" },
  },
  defaults: {
    numInferenceSteps: 50,
    strength: 0.8,
    guidanceScale: 7.5,
    controlnetConditioningScale: 0.8,
  },
  ...controlled,
  generate,
});

type Run = PipelineRun<ControlComponents>;

async function* generate(
  run: Run,
  ...[prompt, options]: StableDiffusionControlNetImg2ImgArguments
) {
  const { vae, scheduler } = run.components;
  const { image, strength = 0.8, eta = 0, outputType } = options;
  checkOutputType(outputType);
  checkStrength(strength);
  const plan = planControl(run.components, options, 0.8);
  const text = await conditionOnText(run, prompt, options);
  const { count, guidance, guidanceScale, encoderHiddenStates, timestepCond } = text;
  const imageEmbeds = await conditionOnImages(run.components, options, text);

  const planned = planTimesteps(scheduler, { numInferenceSteps: 50, ...options });
  const steps = scheduler.numInferenceSteps ?? planned.length;
  const timesteps = strengthTimesteps(scheduler, strength, steps);
  const noise = batchNoise(count, options);
  const latents = await noisedImageLatents(run, image, count, noise, timesteps[0], options);
  const controls = await controlImages(
    await run.images(),
    run.components,
    options.controlImage,
    { count, prompts: countPrompts(prompt, options) },
    sizeInPixels(latents, vae),
  );
  const settings = stepOptions(scheduler, noise, { eta });
  const recipe = describeRun(prompt, options, { steps, strength, guidanceScale, eta }, noise);

  const controlled = {
    plan,
    images: controls,
    guidance: { guidance, guidanceScale },
    conditioning: { encoderHiddenStates, timestepCond, imageEmbeds },
    total: timesteps.length,
    timesteps,
    settings,
    recipe,
  };
  return yield* drawControlled(run, latents, controlled, options);
}

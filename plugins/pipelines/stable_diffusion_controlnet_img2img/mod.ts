/**
 * StableDiffusionControlNetImg2ImgPipeline: a picture changed towards a text, with a second picture
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
  type PictureOutput,
  type Pipeline,
  type PipelineClass,
  type PipelineRun,
  type RunOptions,
} from "@denoise/core";
import {
  batchNoise,
  checkOutputType,
  checkStrength,
  countPrompts,
  describeRun,
  pictureLatents,
  type PicturesInput,
  planTimesteps,
  stepOptions,
  strengthTimesteps,
  type TimestepOptions,
} from "@denoise/diffusion";
import {
  conditionOnImages,
  conditionOnText,
  type ControlComponents,
  controlled,
  type ControlOptions,
  type ControlPictures,
  controlPictures,
  drawControlled,
  type GuidanceOptions,
  type ImagePromptOptions,
  planControl,
  sizeInPixels,
} from "@denoise/stable-diffusion";

/** Options of a call. */
export interface StableDiffusionControlNetImg2ImgOptions
  extends RunOptions, GuidanceOptions, TimestepOptions, ImagePromptOptions, ControlOptions {
  /** The picture to change, or one for each picture to make; sides are cut to multiples of 8. */
  readonly image: PicturesInput;
  /** The picture to control by, or one for each prompt; for several ControlNets a list of them. */
  readonly controlImage: ControlPictures;
  /** Height in pixels, a multiple of 8; that of the picture unless given. */
  readonly height?: number | undefined;
  /** Width in pixels, a multiple of 8; that of the picture unless given. */
  readonly width?: number | undefined;
  /** How far to change it: 0 not at all, 1 leaves nothing of it; 0.8 unless given. */
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
  PictureOutput
>;

/** Picture, control picture and text to pictures; `StableDiffusionControlNetImg2ImgPipeline` of diffusers. */
export const StableDiffusionControlNetImg2ImgPipeline: PipelineClass<
  ControlComponents,
  StableDiffusionControlNetImg2ImgArguments,
  PictureOutput
> = definePipeline({
  className: "StableDiffusionControlNetImg2ImgPipeline",
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
  const latents = await pictureLatents(run, image, count, noise, timesteps[0], options);
  const controls = await controlPictures(
    await run.pictures(),
    run.components,
    options.controlImage,
    { count, prompts: countPrompts(prompt, options) },
    sizeInPixels(latents, vae),
  );
  const settings = stepOptions(scheduler, noise, { eta });
  const recipe = describeRun(prompt, options, { steps, strength, guidanceScale, eta }, noise);

  const controlled = {
    plan,
    pictures: controls,
    guidance: { guidance, guidanceScale },
    conditioning: { encoderHiddenStates, timestepCond, imageEmbeds },
    total: timesteps.length,
    timesteps,
    settings,
    recipe,
  };
  return yield* drawControlled(run, latents, controlled, options);
}

/**
 * StableDiffusionImg2ImgPipeline: an image changed towards a text. The image's latents are
 * noised as far as `strength` says and denoised from there: SDEdit, Meng et al. (arXiv:2108.01073).
 *
 * Not covered: `crossAttentionKwargs`.
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionImg2ImgPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionImg2ImgPipeline.fromPretrained(
 *   "stable-diffusion-v1-5/stable-diffusion-v1-5",
 * );
 * const { images } = await pipe("a castle, oil painting", { image: "sketch.png", strength: 0.7 });
 * await images[0].save("castle.png");
 * ```
 *
 * @module
 */
import {
  definePipeline,
  Generator,
  type ImageOutput,
  type Pipeline,
  type PipelineClass,
  type PipelineRun,
  randnTensor,
  type RunOptions,
  runOptions,
} from "@denoise/core";
import {
  batchNoise,
  checkOutputType,
  checkStrength,
  denoise,
  describeRun,
  encodeToLatents,
  finishLatents,
  type ImagesInput,
  planTimesteps,
  predictGuided,
  prepareImages,
  previewLatents,
  repeatRows,
  stepOptions,
  strengthTimesteps,
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
  stableDiffusion,
  type StableDiffusionComponents,
} from "@denoise/stable-diffusion";

/** Options of a call. */
export interface StableDiffusionImg2ImgOptions
  extends RunOptions, GuidanceOptions, TimestepOptions, ImagePromptOptions {
  /** The image to change, or one for each image to make; sides are cut to multiples of 8. */
  readonly image: ImagesInput;
  /** How far to change it: 0 not at all, 1 leaves nothing of it. Defaults to 0.8. */
  readonly strength?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. */
  readonly eta?: number | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionImg2ImgArguments = [
  prompt: string | readonly string[] | undefined,
  options: StableDiffusionImg2ImgOptions,
];

/** A loaded StableDiffusionImg2ImgPipeline. */
export type StableDiffusionImg2ImgPipeline = Pipeline<
  StableDiffusionComponents,
  StableDiffusionImg2ImgArguments,
  ImageOutput
>;

/** Image and text to images; `StableDiffusionImg2ImgPipeline` of diffusers. */
export const StableDiffusionImg2ImgPipeline: PipelineClass<
  StableDiffusionComponents,
  StableDiffusionImg2ImgArguments,
  ImageOutput
> = definePipeline({
  className: "StableDiffusionImg2ImgPipeline",
  task: "image-to-image",
  family: "stable-diffusion",
  takesPrompt: true,
  options: {
    ...runOptions,
    ...guidanceOptions,
    ...timestepOptions,
    ...imagePromptOptions,
    image: { type: "image", list: "allowed", required: true },
    strength: { type: "number", minimum: 0, maximum: 1 },
    eta: { type: "number" },
  },
  defaults: { numInferenceSteps: 50, strength: 0.8, guidanceScale: 7.5 },
  ...stableDiffusion,
  generate,
});

type Run = PipelineRun<StableDiffusionComponents>;

async function* generate(run: Run, ...[prompt, options]: StableDiffusionImg2ImgArguments) {
  const { unet, vae, scheduler } = run.components;
  const { image, strength = 0.8, eta = 0, outputType, signal } = options;
  checkOutputType(outputType);
  checkStrength(strength);
  const text = await conditionOnText(run, prompt, options);
  const { count, guidance, guidanceScale, encoderHiddenStates, timestepCond } = text;
  const imageEmbeds = await conditionOnImages(run.components, options, text);
  const images = await prepareImages(await run.images(), image, {
    multiple: vaeScaleFactor(vae),
    latentChannels: vae.config.latent_channels,
  });

  const planned = planTimesteps(scheduler, { numInferenceSteps: 50, ...options });
  const steps = scheduler.numInferenceSteps ?? planned.length;
  const timesteps = strengthTimesteps(scheduler, strength, steps);
  const noise = batchNoise(count, options);
  const shared = noise.generator instanceof Generator;
  const rows = shared ? images : repeatRows(images, count, "images");
  const clean = await encodeToLatents(vae, rows, noise.generator, count);
  const added = randnTensor(clean.dims, noise.generator);
  const latents = scheduler.addNoise(clean, added, [timesteps[0]!]);
  const settings = stepOptions(scheduler, noise, { eta });
  const recipe = describeRun(prompt, options, { steps, strength, guidanceScale, eta }, noise);

  const { latents: last } = yield* denoise(latents, {
    scheduler,
    timesteps,
    settings,
    options,
    predict: (latents, timestep) =>
      predictGuided(
        { guidance, guidanceScale },
        scheduler.scaleModelInput(latents, timestep),
        (input) =>
          unet.forward(input, timestep, { encoderHiddenStates, timestepCond, imageEmbeds, signal }),
      ),
    preview: (stepped) => previewLatents(run, stepped, recipe),
  });
  return await finishLatents(run, last, outputType, recipe);
}

/**
 * StableDiffusionXLControlNetImg2ImgPipeline: an image changed towards a text, with a second image
 * of edges, a pose or depth that says where things are. Zhang, Rao and Agrawala (arXiv:2302.05543),
 * with SDEdit, Meng et al. (arXiv:2108.01073), and Stable Diffusion XL (arXiv:2307.01952).
 *
 * Not covered: `crossAttentionKwargs`, the invisible watermark.
 *
 * @example
 * ```ts ignore
 * import { ControlNetModel, StableDiffusionXLControlNetImg2ImgPipeline } from "@denoise/denoise";
 *
 * const controlnet = await ControlNetModel.fromPretrained("diffusers/controlnet-depth-sdxl-1.0");
 * const pipe = await StableDiffusionXLControlNetImg2ImgPipeline.fromPretrained(
 *   "stabilityai/stable-diffusion-xl-base-1.0",
 *   { controlnet },
 * );
 * const { images } = await pipe("a bronze bird", {
 *   image: "bird.png",
 *   controlImage: "depth.png",
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
  type Tensor,
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
} from "@denoise/diffusion";
import {
  conditionOnImages,
  conditionOnXlText,
  type ControlImages,
  controlImages,
  controlledXL,
  type ControlOptions,
  controlOptions,
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
} from "@denoise/stable-diffusion";

/** Options of a call. */
export interface StableDiffusionXLControlNetImg2ImgOptions
  extends
    RunOptions,
    Omit<XlGuidanceOptions, "guidanceRescale">,
    ImagePromptOptions,
    XlSizeOptions,
    XlAestheticOptions,
    ControlOptions {
  /** The image to change, or one for each image to make; or latents, float32 [N, 4, h, w]. */
  readonly image: ImagesInput;
  /** The image to control by, or one for each prompt; for several ControlNets a list of them. */
  readonly controlImage: ControlImages;
  /** Height in pixels, a multiple of 8. Defaults to that of the image. */
  readonly height?: number | undefined;
  /** Width in pixels, a multiple of 8. Defaults to that of the image. */
  readonly width?: number | undefined;
  /** How far to change it: 0 not at all, 1 leaves nothing of it. Defaults to 0.8. */
  readonly strength?: number | undefined;
  /** Number of denoising steps, of which `strength` takes a part. Defaults to 50. */
  readonly numInferenceSteps?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. */
  readonly eta?: number | undefined;
  /** Latents to begin with instead of the image's, noise included, float32 [N, 4, h, w]. */
  readonly latents?: Tensor | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionXLControlNetImg2ImgArguments = [
  prompt: string | readonly string[] | undefined,
  options: StableDiffusionXLControlNetImg2ImgOptions,
];

/** A loaded StableDiffusionXLControlNetImg2ImgPipeline. */
export type StableDiffusionXLControlNetImg2ImgPipeline = Pipeline<
  XlControlComponents,
  StableDiffusionXLControlNetImg2ImgArguments,
  ImageOutput
>;

const { guidanceRescale: _, ...guidance } = xlGuidanceOptions;

/** Image, control image and text to images; `StableDiffusionXLControlNetImg2ImgPipeline` of diffusers. */
export const StableDiffusionXLControlNetImg2ImgPipeline: PipelineClass<
  XlControlComponents,
  StableDiffusionXLControlNetImg2ImgArguments,
  ImageOutput
> = definePipeline({
  className: "StableDiffusionXLControlNetImg2ImgPipeline",
  task: "image-to-image",
  family: "stable-diffusion-xl",
  control: true,
  takesPrompt: true,
  options: {
    ...runOptions,
    ...guidance,
    ...imagePromptOptions,
    ...xlSizeOptions,
    ...xlAestheticOptions,
    ...controlOptions,
    image: { type: "image", list: "allowed", required: true },
    controlImage: { type: "image", list: "allowed", required: true },
    ...sizeOptions,
    strength: { type: "number", minimum: 0, maximum: 1 },
    numInferenceSteps: { type: "integer", minimum: 1 },
    eta: { type: "number" },
    latents: { type: "tensor" },
  },
  defaults: {
    numInferenceSteps: 50,
    strength: 0.8,
    guidanceScale: 5,
    controlnetConditioningScale: 0.8,
  },
  ...controlledXL,
  settings: { requires_aesthetics_score: false, force_zeros_for_empty_prompt: true },
  generate,
});

type Run = PipelineRun<XlControlComponents>;

async function* generate(
  run: Run,
  ...[prompt, options]: StableDiffusionXLControlNetImg2ImgArguments
) {
  const { vae, scheduler } = run.components;
  const { strength = 0.8, guidanceScale = 5, eta = 0, outputType } = options;
  checkOutputType(outputType);
  checkStrength(strength);
  const plan = planControl(run.components, options, 0.8);
  const text = await conditionOnXlText(run, prompt, { ...options, guidanceScale });
  const imageEmbeds = await conditionOnImages(run.components, options, text);
  const { count, guidance } = text;

  const { numInferenceSteps: steps = 50, image } = options;
  planTimesteps(scheduler, { numInferenceSteps: steps });
  const timesteps = strengthTimesteps(scheduler, strength, steps);
  const noise = batchNoise(count, options);
  const latents = options.latents ??
    await noisedImageLatents(run, image, count, noise, timesteps[0], options);
  const { height, width } = sizeInPixels(latents, vae);
  const images = await controlImages(
    await run.images(),
    run.components,
    options.controlImage,
    { count, prompts: countPrompts(prompt, options) },
    { height, width },
  );
  const requiresScore = run.settings.requires_aesthetics_score === true;
  const ids = imageTimeIds(options, [height, width], requiresScore);
  // an embedded guidance scale is not given to the UNet here, as in diffusers
  const conditioning = { ...text.denoiserOptions(ids), timestepCond: undefined };
  const settings = stepOptions(scheduler, noise, { eta });
  const facts = { steps, strength, guidanceScale, eta, width, height };
  const recipe = describeRun(prompt, options, facts, noise);

  const controlled = {
    plan,
    images,
    guidance: { guidance, guidanceScale },
    conditioning: { ...conditioning, imageEmbeds },
    total: timesteps.length,
    timesteps,
    settings,
    recipe,
  };
  return yield* drawControlled(run, latents, controlled, options);
}

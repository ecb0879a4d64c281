/**
 * StableDiffusionXLControlNetPipeline: images from text and an image of edges, a pose or depth
 * that says where things are. Zhang, Rao and Agrawala, "Adding Conditional Control to Text-to-Image
 * Diffusion Models" (arXiv:2302.05543), with Stable Diffusion XL, Podell et al. (arXiv:2307.01952).
 *
 * Not covered: `crossAttentionKwargs`, the invisible watermark.
 *
 * @example
 * ```ts ignore
 * import { ControlNetModel, StableDiffusionXLControlNetPipeline } from "@denoise/denoise";
 *
 * const controlnet = await ControlNetModel.fromPretrained("diffusers/controlnet-canny-sdxl-1.0");
 * const pipe = await StableDiffusionXLControlNetPipeline.fromPretrained(
 *   "stabilityai/stable-diffusion-xl-base-1.0",
 *   { controlnet },
 * );
 * const { images } = await pipe("a bird", {
 *   image: "edges.png",
 *   controlnetConditioningScale: 0.5,
 *   seed: 0,
 * });
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
  checkDenoisingRange,
  checkOutputType,
  checkSize,
  countPrompts,
  type DenoisingRangeOptions,
  denoisingRangeOptions,
  describeRun,
  initialLatents,
  planTimesteps,
  sizeOptions,
  stepOptions,
  type TimestepOptions,
  timestepOptions,
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
  drawControlled,
  type ImagePromptOptions,
  imagePromptOptions,
  planControl,
  textTimeIds,
  type XlControlComponents,
  type XlGuidanceOptions,
  xlGuidanceOptions,
  type XlSizeOptions,
  xlSizeOptions,
} from "@denoise/stable-diffusion";

export type { XlControlComponents };

/** Options of a call. */
export interface StableDiffusionXLControlNetOptions
  extends
    RunOptions,
    Omit<XlGuidanceOptions, "guidanceRescale">,
    ImagePromptOptions,
    XlSizeOptions,
    TimestepOptions,
    Pick<DenoisingRangeOptions, "denoisingEnd">,
    ControlOptions {
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
export type StableDiffusionXLControlNetArguments = [
  prompt: string | readonly string[] | undefined,
  options: StableDiffusionXLControlNetOptions,
];

/** A loaded StableDiffusionXLControlNetPipeline. */
export type StableDiffusionXLControlNetPipeline = Pipeline<
  XlControlComponents,
  StableDiffusionXLControlNetArguments,
  ImageOutput
>;

const { guidanceRescale: _, ...guidance } = xlGuidanceOptions;

/** Text and a control image to images; `StableDiffusionXLControlNetPipeline` of diffusers. */
export const StableDiffusionXLControlNetPipeline: PipelineClass<
  XlControlComponents,
  StableDiffusionXLControlNetArguments,
  ImageOutput
> = definePipeline({
  className: "StableDiffusionXLControlNetPipeline",
  task: "text-to-image",
  family: "stable-diffusion-xl",
  control: true,
  takesPrompt: true,
  options: {
    ...runOptions,
    ...guidance,
    ...imagePromptOptions,
    ...xlSizeOptions,
    ...timestepOptions,
    ...controlOptions,
    denoisingEnd: denoisingRangeOptions.denoisingEnd,
    image: { type: "image", list: "allowed", required: true },
    ...sizeOptions,
    eta: { type: "number" },
    latents: { type: "tensor" },
  },
  defaults: { numInferenceSteps: 50, guidanceScale: 5, controlnetConditioningScale: 1 },
  ...controlledXL,
  settings: { force_zeros_for_empty_prompt: true },
  generate,
});

type Run = PipelineRun<XlControlComponents>;

async function* generate(run: Run, ...[prompt, options]: StableDiffusionXLControlNetArguments) {
  const { unet, vae, scheduler } = run.components;
  const { guidanceScale = 5, eta = 0, outputType } = options;
  checkOutputType(outputType);
  checkDenoisingRange(options);
  const plan = planControl(run.components, options);
  const text = await conditionOnXlText(run, prompt, { ...options, guidanceScale });
  const imageEmbeds = await conditionOnImages(run.components, options, text);
  const { count, guidance } = text;
  const images = await controlImages(
    await run.images(),
    run.components,
    options.image,
    { count, prompts: countPrompts(prompt, options) },
    options,
  );
  const [height, width] = images[0]!.dims.slice(2) as [number, number];
  const factor = vaeScaleFactor(vae);
  checkSize(height, width, factor);
  const conditioning = text.denoiserOptions(textTimeIds(options, [height, width]), "alternating");

  const planned = planTimesteps(scheduler, { numInferenceSteps: 50, ...options });
  const timesteps = timestepsUpTo(scheduler, planned, options.denoisingEnd);
  const noise = batchNoise(count, options);
  const dims = [count, unet.config.in_channels, height / factor, width / factor];
  const latents = initialLatents(dims, noise, scheduler, options.latents);
  const settings = stepOptions(scheduler, noise, { eta });
  const steps = scheduler.numInferenceSteps ?? planned.length;
  const recipe = describeRun(prompt, options, { steps, guidanceScale, eta, width, height }, noise);

  const controlled = {
    plan,
    images,
    guidance: { guidance, guidanceScale },
    conditioning: { ...conditioning, imageEmbeds },
    // control ends after a part of all steps, also where the run ends before them
    total: planned.length,
    timesteps,
    settings,
    recipe,
  };
  return yield* drawControlled(run, latents, controlled, options);
}

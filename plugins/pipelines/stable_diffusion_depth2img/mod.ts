/**
 * StableDiffusionDepth2ImgPipeline: an image changed towards a text that keeps near and far. The
 * UNet has a fifth channel for depth, which is given or estimated: Rombach et al.
 * (arXiv:2112.10752), Stable Diffusion 2 depth; Ranftl et al., "Vision Transformers for Dense
 * Prediction" (arXiv:2103.13413).
 *
 * Not covered: `crossAttentionKwargs`.
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionDepth2ImgPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionDepth2ImgPipeline.fromPretrained(
 *   "sd2-community/stable-diffusion-2-depth",
 * );
 * const { images } = await pipe("two tigers", { image: "cats.png", strength: 0.7 });
 * await images[0].save("tigers.png");
 * ```
 *
 * @module
 */
import {
  definePipeline,
  type ImageInput,
  type ImageOutput,
  type Pipeline,
  type PipelineClass,
  type PipelineRun,
  type RunOptions,
  runOptions,
  Tensor,
} from "@denoise/core";
import {
  batchNoise,
  checkOutputType,
  checkStrength,
  denoise,
  describeRun,
  finishLatents,
  type ImagesInput,
  noisedImageLatents,
  planTimesteps,
  predictGuided,
  previewLatents,
  repeatRows,
  stepOptions,
  strengthTimesteps,
  vaeScaleFactor,
} from "@denoise/diffusion";
import {
  conditionOnText,
  depthChannel,
  type DepthComponents,
  estimateDepth,
  type GuidanceOptions,
  guidanceOptions,
  stableDiffusion,
  type StableDiffusionComponents,
} from "@denoise/stable-diffusion";

/** What a StableDiffusionDepth2ImgPipeline consists of. */
export interface StableDiffusionDepth2ImgComponents
  extends
    Pick<StableDiffusionComponents, "vae" | "textEncoder" | "tokenizer" | "unet" | "scheduler">,
    DepthComponents {}

/** Options of a call. */
export interface StableDiffusionDepth2ImgOptions extends RunOptions, GuidanceOptions {
  /** The image to change, or one for each image to make; sides are cut to multiples of 8. */
  readonly image: ImagesInput;
  /** Depth of the image, float32 [N, h, w] of any size and range; estimated by default. */
  readonly depthMap?: Tensor | undefined;
  /** How far to change it: 0 not at all, 1 leaves only its depth. Defaults to 0.8. */
  readonly strength?: number | undefined;
  /** Number of denoising steps, of which `strength` takes a part. Defaults to 50. */
  readonly numInferenceSteps?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. */
  readonly eta?: number | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionDepth2ImgArguments = [
  prompt: string | readonly string[] | undefined,
  options: StableDiffusionDepth2ImgOptions,
];

/** A loaded StableDiffusionDepth2ImgPipeline. */
export type StableDiffusionDepth2ImgPipeline = Pipeline<
  StableDiffusionDepth2ImgComponents,
  StableDiffusionDepth2ImgArguments,
  ImageOutput
>;

const { vae, textEncoder, tokenizer, unet, scheduler } = stableDiffusion.components;

/** Image, depth and text to images; `StableDiffusionDepth2ImgPipeline` of diffusers. */
export const StableDiffusionDepth2ImgPipeline: PipelineClass<
  StableDiffusionDepth2ImgComponents,
  StableDiffusionDepth2ImgArguments,
  ImageOutput
> = definePipeline({
  className: "StableDiffusionDepth2ImgPipeline",
  task: "depth-to-image",
  family: "stable-diffusion-depth",
  takesPrompt: true,
  options: {
    ...runOptions,
    ...guidanceOptions,
    image: { type: "image", list: "allowed", required: true },
    depthMap: { type: "tensor" },
    strength: { type: "number", minimum: 0, maximum: 1 },
    numInferenceSteps: { type: "integer", minimum: 1 },
    eta: { type: "number" },
  },
  defaults: { numInferenceSteps: 50, strength: 0.8, guidanceScale: 7.5 },
  components: {
    vae,
    textEncoder,
    tokenizer,
    unet,
    scheduler,
    depthEstimator: { kind: "model" },
    featureExtractor: { kind: "processor" },
  },
  generate,
});

type Run = PipelineRun<StableDiffusionDepth2ImgComponents>;

async function* generate(run: Run, ...[prompt, options]: StableDiffusionDepth2ImgArguments) {
  const { unet, scheduler } = run.components;
  const { image, strength = 0.8, eta = 0, outputType, signal } = options;
  checkOutputType(outputType);
  checkStrength(strength);
  checkChannels(run.components);
  const text = await conditionOnText(run, prompt, options);
  const { count, guidance, guidanceScale, encoderHiddenStates } = text;
  const depth = await latentDepth(run, options, count);

  const { numInferenceSteps = 50 } = options;
  planTimesteps(scheduler, { numInferenceSteps });
  const timesteps = strengthTimesteps(scheduler, strength, numInferenceSteps);
  const noise = batchNoise(count, options);
  const latents = await noisedImageLatents(run, image, count, noise, timesteps[0]!);
  const settings = stepOptions(scheduler, noise, { eta });
  const facts = { steps: numInferenceSteps, strength, guidanceScale, eta };
  const recipe = describeRun(prompt, options, facts, noise);

  const { latents: last } = yield* denoise(latents, {
    scheduler,
    timesteps,
    settings,
    options,
    predict: (latents, timestep) =>
      predictGuided(
        { guidance, guidanceScale },
        Tensor.cat([scheduler.scaleModelInput(latents, timestep), depth], 1),
        (input) => unet.forward(input, timestep, { encoderHiddenStates, signal }),
      ),
    preview: (stepped) => previewLatents(run, stepped, recipe),
  });
  return await finishLatents(run, last, outputType, recipe);
}

function checkChannels({ unet, vae }: StableDiffusionDepth2ImgComponents): void {
  const { in_channels } = unet.config;
  const { latent_channels } = vae.config;
  if (in_channels === latent_channels + 1) return;
  throw new RangeError(
    `Cannot keep depth with a UNet of ${in_channels} input channels: it must have ` +
      `${latent_channels + 1}, one for depth`,
  );
}

/** Depth as the UNet takes it, float32 [N, 1, h, w]. */
async function latentDepth(
  run: Run,
  { image, depthMap }: StableDiffusionDepth2ImgOptions,
  count: number,
): Promise<Tensor> {
  const images = (Array.isArray(image) ? image : [image]) as readonly ImageInput[];
  if (images.length === 0 || images[0] === undefined) {
    throw new TypeError("Cannot keep the depth of an image without one: give it as image");
  }
  const codec = await run.images();
  const [height, width] = (await codec.toTensor(images[0], { mode: "RGB" })).dims.slice(2);
  const factor = vaeScaleFactor(run.components.vae);
  const depth = depthMap ?? await estimateDepth(run.components, images);
  const channel = depthChannel(depth, Math.floor(height! / factor), Math.floor(width! / factor));
  return repeatRows(channel, count, "depth maps");
}

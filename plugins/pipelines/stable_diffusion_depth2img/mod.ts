/**
 * StableDiffusionDepth2ImgPipeline: an image changed towards a text that keeps near and far. The
 * UNet has a fifth channel for depth, which is given or estimated: Rombach et al.
 * (arXiv:2112.10752), Stable Diffusion 2 depth; Ranftl et al., "Vision Transformers for Dense
 * Prediction" (arXiv:2103.13413).
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
  fromImage,
  type ImageStartOptions,
  imageStartOptions,
  latentPipeline,
  type Prompt,
  repeatRows,
  type Start,
  timestepOptions,
  vaeScaleFactor,
} from "@denoise/diffusion";
import {
  depthChannel,
  type DepthComponents,
  estimateDepth,
  type GuidanceOptions,
  guidanceOptions,
  sd,
  stableDiffusion,
  type StableDiffusionComponents,
} from "@denoise/stable-diffusion";

/** What a StableDiffusionDepth2ImgPipeline consists of. */
export interface StableDiffusionDepth2ImgComponents
  extends
    Pick<StableDiffusionComponents, "vae" | "textEncoder" | "tokenizer" | "unet" | "scheduler">,
    DepthComponents {}

/** Options of a call. */
export interface StableDiffusionDepth2ImgOptions
  extends RunOptions, GuidanceOptions, ImageStartOptions {
  /** Depth of the image, float32 [N, h, w] of any size and range; estimated by default. */
  readonly depthMap?: Tensor | undefined;
  /** Number of denoising steps, of which `strength` takes a part. Defaults to 50. */
  readonly numInferenceSteps?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. Defaults to 0. */
  readonly eta?: number | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionDepth2ImgArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusionDepth2ImgOptions,
];

/** A loaded StableDiffusionDepth2ImgPipeline. */
export type StableDiffusionDepth2ImgPipeline = Pipeline<
  StableDiffusionDepth2ImgComponents,
  StableDiffusionDepth2ImgArguments,
  ImageOutput
>;

const { vae, textEncoder, tokenizer, unet, scheduler } = stableDiffusion.components;

/** From an image, with its depth beside the latents. */
const fromImageAndDepth: Start<
  StableDiffusionDepth2ImgComponents,
  StableDiffusionDepth2ImgOptions
> = {
  from: "image",
  check(components, options) {
    fromImage.check?.(components, options);
    checkChannels(components);
  },
  async begin(run, options, facts) {
    const depth = await latentDepth(run, options, facts.count);
    const begun = await fromImage.begin(run, options, facts);
    return { ...begun, denoiserInput: (scaled) => Tensor.cat([scaled, depth], 1) };
  },
};

/** Image, depth and text to images; `StableDiffusionDepth2ImgPipeline` of diffusers. */
export const StableDiffusionDepth2ImgPipeline: PipelineClass<
  StableDiffusionDepth2ImgComponents,
  StableDiffusionDepth2ImgArguments,
  ImageOutput
> = latentPipeline({
  className: "StableDiffusionDepth2ImgPipeline",
  task: "depth-to-image",
  family: { ...sd, name: "stable-diffusion-depth" },
  start: fromImageAndDepth,
  components: {
    ...{ vae, textEncoder, tokenizer, unet, scheduler },
    depthEstimator: { kind: "model" },
    featureExtractor: { kind: "processor" },
  },
  options: {
    ...runOptions,
    ...guidanceOptions,
    ...imageStartOptions,
    depthMap: { type: "tensor" },
    numInferenceSteps: timestepOptions.numInferenceSteps,
    eta: { type: "number" },
  },
  defaults: { numInferenceSteps: 50, strength: 0.8, guidanceScale: 7.5 },
});

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
  run: PipelineRun<StableDiffusionDepth2ImgComponents>,
  { image, depthMap }: StableDiffusionDepth2ImgOptions,
  count: number,
): Promise<Tensor> {
  const images = (Array.isArray(image) ? image : [image]) as readonly ImageInput[];
  const codec = await run.images();
  const [height, width] = (await codec.toTensor(images[0]!, { mode: "RGB" })).dims.slice(2);
  const factor = vaeScaleFactor(run.components.vae);
  const depth = depthMap ?? await estimateDepth(run.components, images);
  const channel = depthChannel(depth, Math.floor(height! / factor), Math.floor(width! / factor));
  return repeatRows(channel, count, "depth maps");
}

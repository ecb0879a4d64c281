/**
 * StableDiffusionPipeline: pictures from text. Rombach et al., "High-Resolution Image Synthesis with
 * Latent Diffusion Models" (arXiv:2112.10752); Stable Diffusion 1.x and 2.x, and latent consistency
 * models in the same layout.
 *
 * Not covered yet: IP-Adapter (`ipAdapterImage`), `crossAttentionKwargs`.
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
  type PictureOutput,
  type Pipeline,
  type PipelineClass,
  type PipelineRun,
  type RunOptions,
  Tensor,
} from "@denoise/core";
import {
  batchNoise,
  checkOutputType,
  checkPrompts,
  decodeLatents,
  denormalize,
  describeRun,
  encodePrompts,
  finishStep,
  guidanceScaleEmbedding,
  guide,
  hideUnsafe,
  initialLatents,
  pictureOutput,
  pictureSize,
  planTimesteps,
  type PromptOptions,
  stableDiffusion,
  type StableDiffusionComponents,
  stepOptions,
  type TimestepOptions,
  toPictures,
  vaeScaleFactor,
} from "@denoise/core/pipelines";

export type { StableDiffusionComponents };

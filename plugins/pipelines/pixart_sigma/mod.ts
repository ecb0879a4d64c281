/**
 * PixArtSigmaPipeline: images from text with PixArt-Σ (Chen et al., 2024, arXiv:2403.04692): up to 4K pixels,
 * and prompts of up to 300 tokens of T5.
 *
 * @example
 * ```ts ignore
 * import { PixArtSigmaPipeline } from "@denoise/denoise";
 *
 * const pipe = await PixArtSigmaPipeline.fromPretrained("PixArt-alpha/PixArt-Sigma-XL-2-1024-MS");
 * const { images } = await pipe("a small cactus with a happy face", { seed: 0 });
 * ```
 *
 * @module
 */
import {
  type PixArtArguments,
  type PixArtCallOptions,
  type PixArtPipeline,
  pixArtPipeline,
  type PixArtPipelineClass,
} from "@denoise/pixart";

/** Options of a call. */
export interface PixArtSigmaOptions extends PixArtCallOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type PixArtSigmaArguments = PixArtArguments;

/** A loaded PixArtSigmaPipeline. */
export type PixArtSigmaPipeline = PixArtPipeline;

/** Text to images with PixArt-Σ; `PixArtSigmaPipeline` of diffusers. */
export const PixArtSigmaPipeline: PixArtPipelineClass = pixArtPipeline("PixArtSigmaPipeline", {
  name: "pixart-sigma",
  tokens: 300,
  conditioned: false,
});

/**
 * PixArtAlphaPipeline: images from text with PixArt-α (Chen et al., 2023, arXiv:2310.00426), a small
 * transformer that reads prompts with T5. A run of one step gives what its scheduler takes for clean (DMD).
 *
 * @example
 * ```ts ignore
 * import { PixArtAlphaPipeline } from "@denoise/denoise";
 *
 * const pipe = await PixArtAlphaPipeline.fromPretrained("PixArt-alpha/PixArt-XL-2-512x512");
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
export interface PixArtAlphaOptions extends PixArtCallOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type PixArtAlphaArguments = PixArtArguments;

/** A loaded PixArtAlphaPipeline. */
export type PixArtAlphaPipeline = PixArtPipeline;

/** Text to images with PixArt-α; `PixArtAlphaPipeline` of diffusers. */
export const PixArtAlphaPipeline: PixArtPipelineClass = pixArtPipeline("PixArtAlphaPipeline", {
  name: "pixart-alpha",
  tokens: 120,
  conditioned: true,
  result: ({ latents, last }, steps) => steps === 1 ? last?.predOriginalSample ?? latents : latents,
});

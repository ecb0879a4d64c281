import { type CallOptions, type RunOptions, runOptions, Tensor } from "@denoise/core";
import {
  type BinnedModels,
  type BinnedStartOptions,
  bothTexts,
  type CaptionOptions,
  captionOptions,
  captionReader,
  type Denoised,
  encodeMaskedPrompts,
  encodeMaskedTexts,
  type Family,
  fromBinnedNoise,
  guide,
  type LatentOptions,
  latentSpace,
  type MaskedPromptOptions,
  maskedPromptOptions,
  RESOLUTION_BINS,
  type Start,
  type TimestepOptions,
  timestepOptions,
  vaeScaleFactor,
} from "@denoise/diffusion";
import type { PixArtComponents } from "./components.ts";

/** Options that all calls of PixArt take. */
export interface PixArtOptions
  extends RunOptions, MaskedPromptOptions, CaptionOptions, TimestepOptions {
  /** How closely the image follows the prompt. Defaults to 4.5; no guidance at 1 or below. */
  readonly guidanceScale?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. Defaults to 0. */
  readonly eta?: number | undefined;
}

/** The declarations of {@linkcode PixArtOptions}. */
export const pixArtOptions: CallOptions<PixArtOptions> = {
  ...runOptions,
  ...maskedPromptOptions,
  ...captionOptions,
  ...timestepOptions,
  guidanceScale: { type: "number" },
  eta: { type: "number" },
};

/** A family of PixArt's transformers. */
export type PixArtFamily = Family<PixArtComponents, LatentOptions & PixArtOptions, never>;

/** What tells one generation of PixArt from the other. */
export interface PixArtVariant {
  /** Its name. */
  readonly name: string;
  /** Tokens of a text. */
  readonly tokens: number;
  /** Whether models for 1024 pixels are given resolution and aspect ratio. */
  readonly conditioned: boolean;
  /** The latents that a run ends with. Defaults to those after the last step. */
  readonly result?: ((end: Denoised, steps: number) => Tensor) | undefined;
}

/** The size that the transformer was trained for, in pixels. */
function trained({ transformer, vae }: PixArtComponents) {
  const side = transformer.config.sample_size * vaeScaleFactor(vae);
  return { height: side, width: side };
}

/** Latents of a side of the largest models: 2048 pixels. */
const LARGEST = 256;

/** The sizes of PixArt's models. */
export const pixArtSizes: BinnedModels<PixArtComponents> = {
  trained,
  multiple: ({ transformer, vae }) =>
    Math.max(8, transformer.config.patch_size * vaeScaleFactor(vae)),
  bins: ({ transformer: { config: { sample_size: size } } }) =>
    size <= LARGEST ? RESOLUTION_BINS[8 * size] : undefined,
};

/** From noise of a size that the transformer was trained with. */
export const fromPixArtNoise: Start<PixArtComponents, LatentOptions & BinnedStartOptions> =
  fromBinnedNoise(pixArtSizes);

/** PixArt (Chen et al., 2023, arXiv:2310.00426): a transformer that attends to the states of T5. */
export function pixArt({ name, tokens, conditioned, result }: PixArtVariant): PixArtFamily {
  return {
    name,
    size(components, given) {
      const own = trained(components);
      return { height: given.height ?? own.height, width: given.width ?? own.width };
    },
    ...(result === undefined ? {} : { result }),
    async encode(run, prompt, options) {
      const { transformer, vae } = run.components;
      const { guidanceScale = 4.5, signal } = options;
      const read = captionReader(options, run.warn);
      const { maxSequenceLength = tokens } = options;
      const [text, negative] = await encodeMaskedPrompts(prompt, options, guidanceScale > 1, {
        encode: (texts, like) =>
          encodeMaskedTexts(run.components, texts.map(read), {
            maxLength: like?.embeds.dims[1] ?? maxSequenceLength,
            warn: like === undefined ? run.warn : undefined,
          }),
      });
      const count = text.embeds.dims[0]!;
      const both = bothTexts(text, negative);
      const { sample_size } = transformer.config;
      const { channels } = latentSpace(vae);
      return {
        count,
        facts: { guidanceScale },
        denoiser({ height, width }) {
          const rows = both.embeds.dims[0]!;
          const sized = conditioned && sample_size === 128
            ? {
              resolution: Tensor.from([[height, width]]).repeat([rows, 1]),
              aspectRatio: Tensor.from([[height / width]]).repeat([rows, 1]),
            }
            : {};
          return async ({ input, timestep }) => {
            const latents = negative === undefined ? input : Tensor.cat([input, input]);
            const { sample } = await transformer.forward(latents, timestep, {
              encoderHiddenStates: both.embeds,
              encoderAttentionMask: both.mask,
              ...sized,
              signal,
            });
            const guided = negative === undefined ? sample : guide(sample, guidanceScale);
            // the second half tells a variance, which no scheduler takes here
            return guided.dims[1] === 2 * channels ? guided.chunk(2, 1)[0]! : guided;
          };
        },
      };
    },
  };
}

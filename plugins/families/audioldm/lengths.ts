import { vaeScaleFactor } from "@denoise/diffusion";
import type { AudioLDMComponents } from "./components.ts";

/** The parts that the length of audio follows from. */
export type LengthComponents = Pick<AudioLDMComponents, "vae" | "vocoder"> & {
  readonly unet: { readonly config: { readonly sample_size: number } };
};

/** How much audio a call makes. */
export interface AudioLengths {
  /** As it was asked for. */
  readonly seconds: number;
  /** Of the spectrograms: as many as the autoencoder can halve. */
  readonly frames: number;
  /** Of the waveforms. */
  readonly samples: number;
}

/**
 * The length of a call's audio.
 *
 * @throws {RangeError} for less than a latent, and for models that do not fit each other.
 */
export function audioLengths(
  { vae, unet, vocoder }: LengthComponents,
  given?: number,
): AudioLengths {
  const { upsample_rates, sampling_rate: rate, model_in_dim: bins } = vocoder.config;
  const frame = upsample_rates.reduce((product, times) => product * times, 1) / rate; // seconds
  const factor = vaeScaleFactor(vae);
  if (bins % factor !== 0) {
    throw new RangeError(
      `Cannot make audio: the vocoder's spectrograms have ${bins} frequency bins, but the vae needs a ` +
        `multiple of ${factor}`,
    );
  }
  const seconds = given ?? unet.config.sample_size * factor * frame;
  if (!(seconds >= frame * factor)) {
    throw new RangeError(
      `Cannot make ${seconds} seconds of audio: audioLengthInS must be ${frame * factor} at least`,
    );
  }
  return {
    seconds,
    frames: Math.ceil(Math.trunc(seconds / frame) / factor) * factor,
    samples: Math.trunc(seconds * rate),
  };
}

/**
 * AudioLDMPipeline: audio from text with AudioLDM (Liu et al., 2023, arXiv:2301.12503): a UNet on latents of
 * mel spectrograms, conditioned on CLAP's vector of the text, and a vocoder that makes a waveform of them.
 *
 * Not covered: `cross_attention_kwargs`.
 *
 * @example
 * ```ts ignore
 * import { AudioLDMPipeline } from "@denoise/denoise";
 *
 * const pipe = await AudioLDMPipeline.fromPretrained("cvssp/audioldm-s-full-v2");
 * const { audios } = await pipe("techno music with a strong, upbeat tempo", {
 *   audioLengthInS: 5,
 *   seed: 0,
 * });
 * await audios[0].save("techno.wav"); // mono, 16000 Hz
 * ```
 *
 * @module
 */
import { type AudioLDM, type AudioLDMClass, audioLDMPipeline } from "@denoise/audioldm";

export type {
  AudioLDMArguments,
  AudioLDMClass,
  AudioLDMComponents,
  AudioLDMOptions,
  Vocoder,
  VocoderConfig,
} from "@denoise/audioldm";

/** A loaded AudioLDMPipeline. */
export type AudioLDMPipeline = AudioLDM;

/** Text to audio with AudioLDM; `AudioLDMPipeline` of diffusers. */
export const AudioLDMPipeline: AudioLDMClass = audioLDMPipeline("AudioLDMPipeline", {
  numInferenceSteps: 10,
  guidanceScale: 2.5,
});

/**
 * MusicLDMPipeline: music from text with MusicLDM (Chen et al., 2023, arXiv:2308.01546): the models of AudioLDM,
 * trained on music, with the whole of CLAP for its text encoder.
 *
 * Not covered: `cross_attention_kwargs`, and the ranking of several clips by CLAP's audio encoder, which
 * diffusers does where librosa is installed: clips come in the order of their seeds. A folder that is saved has
 * no `feature_extractor`, which only that ranking needs.
 *
 * @example
 * ```ts ignore
 * import { MusicLDMPipeline } from "@denoise/denoise";
 *
 * const pipe = await MusicLDMPipeline.fromPretrained("ucsd-reach/musicldm");
 * const { audios } = await pipe("techno music with a strong, upbeat tempo and high melodic riffs", {
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
} from "@denoise/audioldm";

/** A loaded MusicLDMPipeline. */
export type MusicLDMPipeline = AudioLDM;

/** Text to music with MusicLDM; `MusicLDMPipeline` of diffusers. */
export const MusicLDMPipeline: AudioLDMClass = audioLDMPipeline("MusicLDMPipeline", {
  numInferenceSteps: 200,
  guidanceScale: 2,
});

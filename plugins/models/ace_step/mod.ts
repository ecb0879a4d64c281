/**
 * The models of ACE-Step 1.5 (Gong et al., 2026, arXiv:2602.00744), which makes music of a description and lyrics: the
 * denoiser, a transformer over latents of a waveform; what encodes text, lyrics and timbre for it; and what turns latents
 * into codes, five in a second, and back.
 *
 * @example
 * ```ts ignore
 * import { AceStepTransformer1DModel } from "@denoise/denoise";
 *
 * const transformer = await AceStepTransformer1DModel.fromPretrained(
 *   "ACE-Step/acestep-v15-xl-turbo-diffusers",
 *   { subfolder: "transformer" },
 * );
 * console.log(transformer.config.is_turbo);
 * ```
 *
 * @module
 */
export * from "./audio_detokenizer.ts";
export * from "./audio_tokenizer.ts";
export * from "./condition_encoder.ts";
export type { AceStepLayersConfig } from "./layers.ts";
export * from "./transformer.ts";

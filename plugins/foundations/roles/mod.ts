/**
 * The roles that models, tokenizers and processors play in pipelines: what a pipeline calls, whatever
 * class stands behind it. A family with a new kind of model writes a role of its own.
 *
 * @example A denoiser that finds no noise at all
 * ```ts
 * import { Tensor } from "@denoise/core";
 * import type { Denoiser } from "@denoise/roles";
 *
 * const forward: Denoiser["forward"] = (sample) =>
 *   Promise.resolve({ sample: Tensor.zeros(sample.dims) });
 * const { sample } = await forward(Tensor.ones([1, 4, 8, 8]), 999);
 * console.log(sample.dims);
 * ```
 *
 * @module
 */
export * from "./any_components.ts";
export * from "./autoencoder.ts";
export * from "./control_net.ts";
export * from "./denoiser.ts";
export * from "./feature_extractor.ts";
export * from "./language_model.ts";
export * from "./prior.ts";
export * from "./safety_checker.ts";
export * from "./spectrogram_converter.ts";
export * from "./t2i_adapter.ts";
export * from "./text_encoder.ts";
export * from "./tokenizer.ts";
export * from "./unet_adapter.ts";
export * from "./vision_language.ts";
export * from "./watermarker.ts";

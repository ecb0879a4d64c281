/**
 * The contracts of denoise (models, schedulers, pipelines, and the registry that finds them by
 * their diffusers class names) with what all of them share: tensors, torch's random
 * numbers, frozen configs, errors.
 *
 * @example The noise that `torch.Generator("cpu").manual_seed(0)` gives
 * ```ts
 * import { Generator } from "@denoise/core";
 *
 * const noise = Generator.manualSeed(0).randn([1, 4, 64, 64]);
 * console.log(noise.dims);
 * ```
 *
 * @module
 */
export type { AdapterClass, AdapterFunctions, BoundMethods, MethodsOf } from "./adapter.ts";
export type { Quantization, Quantizations } from "./quantization.ts";
export { type CallOption, type CallOptions, checkOptions } from "./call_options.ts";
export {
  adoptConfig,
  configValue,
  describeConfig,
  dumpConfig,
  type FrozenConfig,
  type Json,
  type JsonObject,
  parseConfig,
} from "./config.ts";
export * from "./config_options.ts";
export * from "./define_pipeline.ts";
export type { DType, TypedArray } from "./dtype.ts";
export * from "./errors.ts";
export * from "./float32.ts";
export * from "./generator.ts";
export * from "./loading.ts";
export * from "./media.ts";
export * from "./model.ts";
export { MODEL_INDEX, type ModelIndex, readModelIndex } from "./model_index.ts";
export * from "./pipeline.ts";
export * from "./plugin.ts";
export type { ProgressBarConfig, ShowProgress } from "./progress.ts";
export * from "./random.ts";
export * from "./registry.ts";
export type { SaveOptions } from "./saving.ts";
export * from "./scheduler.ts";
export * from "./single_file.ts";
export type { DownloadProgress, Source, SourceOptions, SourceRequest } from "./source.ts";
export { isMissing, isPermitted, needsDeno, runtime } from "./system.ts";
export * from "./tensor.ts";
export { VERSION } from "./version.ts";

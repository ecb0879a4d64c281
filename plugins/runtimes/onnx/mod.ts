/**
 * The ONNX runtime of denoise: model classes from pure functions, whose graphs are built in
 * TypeScript over the tensors of a .safetensors file and run by onnxruntime.
 *
 * @module
 */
export { checkKnown, checkLevels } from "./check_config.ts";
export { defineModel, type ModelPart, type OnnxModelClass } from "./define_model.ts";
export { childEngine, type ChildEngineOptions } from "./engine/child.ts";
export type {
  DeviceOptions,
  Engine,
  EngineSession,
  Optimization,
  SessionDefaults,
  SessionRunOptions,
  SessionSpec,
  Tensors,
} from "./engine/engine.ts";
export { inlineEngine } from "./engine/inline.ts";
export { nativeEngine, type NativeEngineOptions } from "./engine/native/native.ts";
export { type Observation, observingEngine } from "./engine/observing.ts";
export type { ProviderPlugin } from "./engine/native/settings.ts";
export { workerEngine } from "./engine/worker.ts";
export {
  checkLanguageModel,
  checkSlidingLanguageModel,
  type HiddenStatesCall,
  type LanguageModelConfig,
  type LanguageModelMethods,
  languageModelMethods,
  languageModelOptions,
  namedStates,
  type RopeParameters,
  runHiddenStates,
  slidingLayerTypes,
} from "./language_model.ts";
export {
  float32,
  type GraphDefinition,
  int64,
  type ModelDefinition,
  nestedConfig,
  optional,
  type Port,
  type Runner,
  timesteps,
  timestepTensor,
  unsupportedOption,
} from "./model_definition.ts";
export type { ExtendableModel, Extension } from "./onnx_model.ts";
export { type Profile, type ProfileRow, profileTable, readProfile } from "./profile.ts";
export {
  FasterCacheConfig,
  type FasterCacheOptions,
  type FasterCacheSettings,
} from "./step_cache/faster_cache.ts";
export { FirstBlockCacheConfig, type FirstBlockCacheOptions } from "./step_cache/first_block.ts";
export { FLUX_MAG_RATIOS, MagCacheConfig, type MagCacheOptions } from "./step_cache/mag_cache.ts";
export {
  PyramidAttentionBroadcastConfig,
  type PyramidAttentionBroadcastOptions,
} from "./step_cache/pyramid_attention_broadcast.ts";
export type { TimestepRange } from "./step_cache/attentions.ts";
export { TaylorSeerCacheConfig, type TaylorSeerCacheOptions } from "./step_cache/taylor_seer.ts";
export { type DeviceReport, probeDevices } from "./probe.ts";
export {
  centredIds,
  idsBeyond,
  type ImageShape,
  referenceTokens,
  tokensOf,
} from "./image_tokens.ts";
export { latentTokens } from "./latent_tokens.ts";
export { checkTokenCount, pickRows, runByTextLength } from "./text_rows.ts";
export {
  type PatchGrid,
  patchPlaces,
  type VisionInputs,
  visionLanguageConfig,
  type VisionLanguageMethods,
  visionLanguageMethods,
  type VisionStatesCall,
  type VisionTower,
} from "./vision_language.ts";
export {
  type OwnTiles,
  type Partitioned,
  partitioned,
  type TileSides,
  unpartitioned,
} from "./tiling.ts";

/**
 * Layers: functions from a {@linkcode Scope} and values to a value. The scope names the module whose
 * tensors a layer reads, so channel counts, kernels and biases come from the checkpoint.
 *
 * @module
 */
export {
  activation,
  activationNames,
  gelu,
  mish,
  quickGelu,
  relu,
  sigmoid,
  silu,
  tanh,
} from "./activation.ts";
export {
  add,
  clamp,
  div,
  matMul,
  mean,
  mul,
  norm,
  type Operand,
  softmax,
  sub,
  sum,
  where,
  withinFloat16,
} from "./arithmetic.ts";
export {
  attention,
  type AttentionInputs,
  type AttentionMapInputs,
  type AttentionOptions,
  attentionReceived,
  causalBias,
  hiddenScore,
  maskBias,
  windowBias,
} from "./attention.ts";
export {
  conv1d,
  type Conv1dOptions,
  conv2d,
  type ConvOptions,
  convTranspose1d,
  convTranspose2d,
  type ConvTransposeOptions,
  doubledConv2d,
  frameConv2d,
  type WeightNormOptions,
} from "./conv.ts";
export { embedding, sinusoidalEmbedding, type SinusoidalOptions } from "./embedding.ts";
export { imageSize } from "./image_size.ts";
export { type BiasOptions, linear, matMulTransposed } from "./linear.ts";
export {
  biasedSum,
  channelRmsNorm,
  fusesSums,
  groupNorm,
  type GroupNormOptions,
  layerNorm,
  type LayerNormOptions,
  type Normalized,
  rmsNorm,
  type RmsNormOptions,
  smallNorm,
  sumAndNorm,
  type SumOptions,
} from "./norm.ts";
export {
  type LinearStretch,
  type Rotary,
  rotaryEmbedding,
  type RotaryOfRows,
  rotaryOfRows,
  type RotaryOptions,
  type RotaryStretch,
  rotate,
  type RotateOptions,
  sharedRotary,
  type YarnStretch,
} from "./rotary.ts";
export {
  avgPool2d,
  type BilinearOptions,
  firDownsample,
  firUpsample,
  halveByMean,
  kDownsample,
  kUpsample,
  pad2d,
  pixelUnshuffle,
  upsampleBilinear,
  upsampleNearest,
  upsampleNearestLike,
} from "./resample.ts";
export {
  chunk,
  concat,
  expand,
  moreSizes,
  placesAlong,
  reshape,
  reshapeLike,
  shapeOf,
  slice,
  split,
  splitLike,
  squeeze,
  transpose,
  unsqueeze,
} from "./shape.ts";
export { fromTokens, toTokens } from "./tokens.ts";

import type { Scope, Value } from "@denoise/onnx/graph";
import { add, div, groupNorm, mean, mul, relu, sub } from "@denoise/onnx/nn";
import type { BitOptions } from "./config.ts";

/** Added to the variance of weights, as BiT does. */
const WEIGHT_EPS = 1e-8;

/**
 * A convolution whose kernels have mean 0 and variance 1 (Qiao et al., arXiv:1903.10520), with
 * zeros around the image as TensorFlow's SAME puts them.
 */
function standardized(s: Scope, x: Value, stride = 1): Value {
  const weight = s.tensor("weight"); // [C', C, h, w]
  const centred = sub(s, weight, mean(s, weight, [1, 2, 3]));
  const variance = mean(s, mul(s, centred, centred), [1, 2, 3]);
  const kernel = div(s, centred, s.op("Sqrt", [add(s, variance, WEIGHT_EPS)]));
  return s.op("Conv", [x, kernel], {
    kernel_shape: weight.dims.slice(2),
    strides: [stride, stride],
    auto_pad: "SAME_UPPER",
  });
}

/** Narrow, convolve, widen, beside a shortcut (`BitBottleneckLayer`). */
function bottleneck(s: Scope, x: Value, i: number, stride: number, groups: number): Value {
  const normal = (name: string, value: Value) => groupNorm(s.at(name), value, { groups });
  const down = s.at("downsample");
  const shortcut = i === 0
    ? groupNorm(down.at("norm"), standardized(down.at("conv"), x, stride), { groups })
    : x;
  let h = relu(s, normal("norm1", standardized(s.at("conv1"), x)));
  h = relu(s, normal("norm2", standardized(s.at("conv2"), h, stride)));
  h = normal("norm3", standardized(s.at("conv3"), h));
  return relu(s, add(s, h, shortcut));
}

/**
 * The stages of a ResNet with group normalisation (Kolesnikov et al., "Big Transfer",
 * arXiv:1912.11370): each but the first halves the image.
 */
export function bit(s: Scope, pixels: Value, { depths, num_groups: groups }: BitOptions): Value[] {
  const stem = s.at("embedder");
  let x = groupNorm(stem.at("norm"), standardized(stem.at("convolution"), pixels, 2), { groups });
  x = s.op("MaxPool", [relu(s, x)], {
    kernel_shape: [3, 3],
    strides: [2, 2],
    auto_pad: "SAME_UPPER",
  });
  return depths.map((depth, stage) => {
    for (let i = 0; i < depth; i++) {
      const layer = s.at("encoder.stages", stage, "layers", i);
      x = bottleneck(layer, x, i, stage > 0 && i === 0 ? 2 : 1, groups);
    }
    return x;
  });
}

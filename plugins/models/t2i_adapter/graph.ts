import type { FrozenConfig } from "@denoise/core";
import { float32, type GraphDefinition } from "@denoise/onnx";
import type { Scope, Value } from "@denoise/onnx/graph";
import { add, conv2d, halveByMean, pixelUnshuffle, relu } from "@denoise/onnx/nn";
import type { T2IAdapterConfig } from "./config.ts";

type Config = FrozenConfig<T2IAdapterConfig>;

/** Convolution, ReLU, convolution, and what came in (`AdapterResnetBlock`, `LightAdapterResnetBlock`). */
function resnet(s: Scope, x: Value, padding: number): Value {
  const h = relu(s, conv2d(s.at("block1"), x, { padding: 1 }));
  return add(s, conv2d(s.at("block2"), h, { padding }), x);
}

/** A level whose blocks have all of its channels (`AdapterBlock`). */
function fullLevel(s: Scope, x: Value, level: number, config: Config): Value {
  const { channels, num_res_blocks: blocks, adapter_type: type } = config;
  const isXl = type === "full_adapter_xl";
  const halves = isXl ? level === 2 : level > 0;
  // of XL's levels only these two follow another width
  const mayWiden = isXl ? level === 1 || level === 2 : level > 0;
  let h = halves ? halveByMean(s, x) : x;
  if (mayWiden && channels[level - 1] !== channels[level]) h = conv2d(s.at("in_conv"), h);
  for (let i = 0; i < blocks; i++) h = resnet(s.at("resnets", i), h, 0);
  return h;
}

/** A level whose blocks have a quarter of its channels (`LightAdapterBlock`). */
function lightLevel(s: Scope, x: Value, level: number, { num_res_blocks: blocks }: Config): Value {
  let h = conv2d(s.at("in_conv"), level > 0 ? halveByMean(s, x) : x);
  for (let i = 0; i < blocks; i++) h = resnet(s.at("resnets", i), h, 1);
  return conv2d(s.at("out_conv"), h);
}

/** How many levels there are: a small adapter has one more than widths. */
export function levelCount({ channels, adapter_type: type }: Config): number {
  return channels.length + (type === "light_adapter" ? 1 : 0);
}

/** How many pixels of a row become one in the last level. */
export function totalDownscaleFactor(config: Config): number {
  const { downscale_factor: factor, adapter_type: type } = config;
  return type === "full_adapter_xl" ? 2 * factor : factor * 2 ** (levelCount(config) - 1);
}

/** An image to what each level makes of it. */
export const forward: GraphDefinition<T2IAdapterConfig> = {
  inputs: ({ in_channels }) => ({ image: float32("batch", in_channels, "height", "width") }),
  build(s, config, { image }) {
    const { in_channels: channels, downscale_factor: factor } = config;
    const adapter = s.at("adapter");
    const isLight = config.adapter_type === "light_adapter";
    const level = isLight ? lightLevel : fullLevel;
    const pixels = pixelUnshuffle(s, image!, { channels, factor }); // [N, factor²·C, h, w]
    let x = isLight ? pixels : conv2d(adapter.at("conv_in"), pixels, { padding: 1 });
    const features: Record<string, Value> = {};
    for (let i = 0; i < levelCount(config); i++) {
      x = level(adapter.at("body", i), x, i, config);
      features[`feature_${i}`] = x;
    }
    return features;
  },
};

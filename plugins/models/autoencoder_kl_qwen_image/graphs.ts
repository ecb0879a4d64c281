import type { FrozenConfig } from "@denoise/core";
import { float32, type GraphDefinition } from "@denoise/onnx";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  add,
  attention,
  channelRmsNorm,
  chunk,
  conv2d,
  frameConv2d,
  fromTokens,
  silu,
  toTokens,
  upsampleNearest,
} from "@denoise/onnx/nn";
import type { AutoencoderKLQwenImageConfig } from "./config.ts";

type Config = FrozenConfig<AutoencoderKLQwenImageConfig>;

/** Images to mean and log variance of the latents. */
export const encode: GraphDefinition<AutoencoderKLQwenImageConfig> = {
  inputs: (config) => ({ sample: float32("batch", config.input_channels, "height", "width") }),
  build(s, config, { sample }) {
    return { moments: frameConv2d(s.at("quant_conv"), encoder(s.at("encoder"), sample!, config)) };
  },
};

/** Latents to images. */
export const decode: GraphDefinition<AutoencoderKLQwenImageConfig> = {
  inputs: (config) => ({ latents: float32("batch", config.z_dim, "height", "width") }),
  build(s, config, { latents }) {
    return {
      sample: decoder(s.at("decoder"), frameConv2d(s.at("post_quant_conv"), latents!), config),
    };
  },
};

/** `QwenImageEncoder3d` for one frame; its blocks and what is between them are one list. */
function encoder(s: Scope, image: Value, config: Config): Value {
  const { dim_mult, num_res_blocks } = config;
  let x = frameConv2d(s.at("conv_in"), image, 1); // [N, C, H, W]
  let place = 0;
  const next = () => s.at("down_blocks", place++);
  let width = config.base_dim;
  for (const [level, times] of dim_mult.entries()) {
    for (let i = 0; i < num_res_blocks; i++) {
      x = residualBlock(next(), x, width !== times * config.base_dim);
      width = times * config.base_dim;
    }
    if (level === dim_mult.length - 1) continue;
    x = conv2d(next().at("resample.1"), x, { stride: 2, padding: [0, 0, 1, 1] }); // [N, C', H/2, W/2]
  }
  return end(s, middle(s.at("mid_block"), x));
}

/** `QwenImageDecoder3d` for one frame, whose upsamplers halve the channels. */
function decoder(s: Scope, latents: Value, { base_dim, dim_mult, num_res_blocks }: Config): Value {
  const widths = dim_mult.map((times) => times * base_dim).reverse();
  let x = middle(s.at("mid_block"), frameConv2d(s.at("conv_in"), latents, 1)); // [N, C, h, w]
  let width = widths[0]!;
  for (const [level, wanted] of widths.entries()) {
    const block = s.at("up_blocks", level);
    for (let i = 0; i <= num_res_blocks; i++) {
      x = residualBlock(block.at("resnets", i), x, width !== wanted);
      width = wanted;
    }
    if (level === widths.length - 1) continue;
    const larger = upsampleNearest(s, x); // [N, C, 2h, 2w]
    x = conv2d(block.at("upsamplers.0.resample.1"), larger, { padding: 1 });
    width = Math.floor(wanted / 2);
  }
  return end(s, x);
}

function end(s: Scope, x: Value): Value {
  return frameConv2d(s.at("conv_out"), silu(s, channelRmsNorm(s.at("norm_out"), x)), 1);
}

/** Two convolutions beside a shortcut (`QwenImageResidualBlock`). */
function residualBlock(s: Scope, x: Value, widens: boolean): Value {
  const convolved = (i: 1 | 2, of: Value) =>
    frameConv2d(s.at(`conv${i}`), silu(s, channelRmsNorm(s.at(`norm${i}`), of)), 1);
  const shortcut = widens ? frameConv2d(s.at("conv_shortcut"), x) : x;
  return add(s, convolved(2, convolved(1, x)), shortcut);
}

/** Attention between the pixels of a frame, of one head (`QwenImageAttentionBlock`). */
function attentionBlock(s: Scope, x: Value): Value {
  const normal = channelRmsNorm(s.at("norm"), x);
  const channels = s.shape("proj.weight")[0]!;
  const tokens = toTokens(s, conv2d(s.at("to_qkv"), normal), 3 * channels); // [N, H·W, 3·C]
  const [query, key, value] = chunk(s, tokens, 3, -1) as [Value, Value, Value];
  const seen = fromTokens(s, attention(s, { query, key, value }, { heads: 1 }), x);
  return add(s, conv2d(s.at("proj"), seen), x);
}

function middle(s: Scope, x: Value): Value {
  const first = residualBlock(s.at("resnets.0"), x, false);
  return residualBlock(s.at("resnets.1"), attentionBlock(s.at("attentions.0"), first), false);
}

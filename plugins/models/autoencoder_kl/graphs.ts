import type { FrozenConfig } from "@denoise/core";
import type { GraphDefinition } from "@denoise/onnx";
import { float32 } from "@denoise/onnx";
import {
  attentionBlock,
  downsample,
  midBlock,
  resnetBlock,
  type ResnetOptions,
  upsample,
} from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import { activation, conv2d, groupNorm } from "@denoise/onnx/nn";
import type { AutoencoderKLConfig } from "./config.ts";

type Config = FrozenConfig<AutoencoderKLConfig>;

function resnetOptions(config: Config): ResnetOptions {
  return { groups: config.norm_num_groups, eps: 1e-6, activation: config.act_fn };
}

/** Residual blocks of a level, with attention of one head after each where its type says so. */
function level(s: Scope, input: Value, type: string, layers: number, config: Config): Value {
  const resnet = resnetOptions(config);
  let x = input;
  for (let i = 0; i < layers; i++) {
    x = resnetBlock(s.at("resnets", i), x, undefined, resnet);
    if (type.startsWith("Attn")) {
      x = attentionBlock(s.at("attentions", i), x, { ...resnet, heads: 1 });
    }
  }
  return x;
}

function middle(s: Scope, x: Value, config: Config): Value {
  return midBlock(s, x, {
    resnet: resnetOptions(config),
    headChannels: config.mid_block_add_attention ? null : undefined,
  });
}

function end(s: Scope, x: Value, config: Config): Value {
  const normal = groupNorm(s.at("conv_norm_out"), x, { groups: config.norm_num_groups, eps: 1e-6 });
  return conv2d(s.at("conv_out"), activation(s, normal, "silu"), { padding: 1 });
}

/** Pictures to mean and log variance of the latents. */
export const encode: GraphDefinition<AutoencoderKLConfig> = {
  inputs: (config) => ({ sample: float32("batch", config.in_channels, "height", "width") }),
  build(s, config, { sample }) {
    const encoder = s.at("encoder");
    const last = config.block_out_channels.length - 1;
    let x = conv2d(encoder.at("conv_in"), sample!, { padding: 1 }); // [N, C, H, W]
    for (const [i, type] of config.down_block_types.entries()) {
      const block = encoder.at("down_blocks", i);
      x = level(block, x, type, config.layers_per_block, config);
      if (i < last) x = downsample(block.at("downsamplers.0"), x, 0); // [N, C', H/2, W/2]
    }
    x = end(encoder, middle(encoder.at("mid_block"), x, config), config); // [N, 2L, h, w]
    return { moments: config.use_quant_conv ? conv2d(s.at("quant_conv"), x) : x };
  },
};

/** Latents to pictures. */
export const decode: GraphDefinition<AutoencoderKLConfig> = {
  inputs: (config) => ({ latents: float32("batch", config.latent_channels, "height", "width") }),
  build(s, config, { latents }) {
    const decoder = s.at("decoder");
    const last = config.block_out_channels.length - 1;
    const input = config.use_post_quant_conv ? conv2d(s.at("post_quant_conv"), latents!) : latents!;
    let x = conv2d(decoder.at("conv_in"), input, { padding: 1 }); // [N, C, h, w]
    x = middle(decoder.at("mid_block"), x, config);
    for (const [i, type] of config.up_block_types.entries()) {
      const block = decoder.at("up_blocks", i);
      x = level(block, x, type, config.layers_per_block + 1, config);
      if (i < last) x = upsample(block.at("upsamplers.0"), x); // [N, C', 2h, 2w]
    }
    return { sample: end(decoder, x, config) };
  },
};

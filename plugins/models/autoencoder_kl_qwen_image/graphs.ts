import type { FrozenConfig } from "@denoise/core";
import { float32, type GraphDefinition } from "@denoise/onnx";
import type { Scope, Value } from "@denoise/onnx/graph";
import { frameDownLevels, frameEnd, frameMidBlock, frameUpLevels } from "@denoise/onnx/blocks";
import { frameConv2d } from "@denoise/onnx/nn";
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

/** `QwenImageEncoder3d` for one frame. */
function encoder(s: Scope, image: Value, config: Config): Value {
  const first = frameConv2d(s.at("conv_in"), image, 1); // [N, C, H, W]
  const x = frameDownLevels(s, first, { ...levelsOf(config), base: config.base_dim });
  return frameEnd(s, frameMidBlock(s.at("mid_block"), x));
}

/** `QwenImageDecoder3d` for one frame. */
function decoder(s: Scope, latents: Value, config: Config): Value {
  const { widths, blocks } = levelsOf(config);
  const first = frameConv2d(s.at("conv_in"), latents, 1); // [N, C, h, w]
  const x = frameMidBlock(s.at("mid_block"), first);
  return frameEnd(s, frameUpLevels(s, x, { widths, blocks, base: widths.at(-1)! }));
}

function levelsOf({ base_dim, dim_mult, num_res_blocks: blocks }: Config) {
  return { widths: dim_mult.map((times) => times * base_dim), blocks };
}

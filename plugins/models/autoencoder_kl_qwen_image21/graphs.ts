import type { FrozenConfig } from "@denoise/core";
import { float32, type GraphDefinition } from "@denoise/onnx";
import {
  frameDownLevels,
  frameDownsample,
  frameEnd,
  frameMidBlock,
  frameResidualBlock,
  frameUpLevels,
  frameUpsample,
} from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import { add, conv2d } from "@denoise/onnx/nn";
import type { AutoencoderKLQwenImage21Config } from "./config.ts";
import { copies, means } from "./shortcuts.ts";

type Config = FrozenConfig<AutoencoderKLQwenImage21Config>;

/** Images to mean and log variance of the latents. */
export const encode: GraphDefinition<AutoencoderKLQwenImage21Config> = {
  inputs: (config) => ({ sample: float32("batch", config.in_channels, "height", "width") }),
  build(s, config, { sample }) {
    return { moments: conv2d(s.at("quant_conv"), encoder(s.at("encoder"), sample!, config)) };
  },
};

/** Latents to images. */
export const decode: GraphDefinition<AutoencoderKLQwenImage21Config> = {
  inputs: (config) => ({ latents: float32("batch", config.z_dim, "height", "width") }),
  build(s, config, { latents }) {
    return { sample: decoder(s.at("decoder"), conv2d(s.at("post_quant_conv"), latents!), config) };
  },
};

/** `QwenImage21Encoder3d`. */
function encoder(s: Scope, image: Value, config: Config): Value {
  const { base_dim: base, dim_mult, num_res_blocks: blocks, temperal_downsample } = config;
  const widths = dim_mult.map((times) => times * base);
  let x = conv2d(s.at("conv_in"), image, { padding: 1 }); // [N, C, H, W]
  if (!config.is_residual) {
    x = frameDownLevels(s, x, { base, widths, blocks });
    return frameEnd(s, frameMidBlock(s.at("mid_block"), x));
  }
  let width = base;
  for (const [level, wanted] of widths.entries()) {
    const block = s.at("down_blocks", level);
    const isLast = level === widths.length - 1;
    const shortcut = means(block, x, {
      ...{ from: width, to: wanted, halves: !isLast },
      inTime: !isLast && temperal_downsample[level]!,
    });
    for (let i = 0; i < blocks; i++) {
      x = frameResidualBlock(block.at("resnets", i), x, width !== wanted);
      width = wanted;
    }
    if (!isLast) x = frameDownsample(block.at("downsampler"), x); // [N, C', H/2, W/2]
    x = add(s, x, shortcut);
  }
  return frameEnd(s, frameMidBlock(s.at("mid_block"), x));
}

/** `QwenImage21Decoder3d`. */
function decoder(s: Scope, latents: Value, config: Config): Value {
  const { base_dim, decoder_base_dim, dim_mult, num_res_blocks: blocks } = config;
  const widths = dim_mult.map((times) => times * (decoder_base_dim ?? base_dim));
  const base = widths.at(-1)!;
  const first = conv2d(s.at("conv_in"), latents, { padding: 1 }); // [N, C, h, w]
  let x = frameMidBlock(s.at("mid_block"), first);
  if (!config.is_residual) return frameEnd(s, frameUpLevels(s, x, { base, widths, blocks }));
  const inTime = config.temperal_downsample.toReversed();
  let width = base;
  for (const [level, wanted] of widths.toReversed().entries()) {
    const block = s.at("up_blocks", level);
    const isLast = level === widths.length - 1;
    const [from, before] = [width, x];
    for (let i = 0; i <= blocks; i++) {
      x = frameResidualBlock(block.at("resnets", i), x, width !== wanted);
      width = wanted;
    }
    if (isLast) continue;
    x = frameUpsample(block.at("upsampler"), x); // [N, C, 2h, 2w]
    x = add(s, x, copies(block, before, { from, to: wanted, inTime: inTime[level]! }));
  }
  return frameEnd(s, x);
}

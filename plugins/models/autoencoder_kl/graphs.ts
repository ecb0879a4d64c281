import { float32, type GraphDefinition } from "@denoise/onnx";
import { decodePicture, encodePicture } from "@denoise/onnx/blocks";
import { conv2d } from "@denoise/onnx/nn";
import type { AutoencoderKLConfig } from "./config.ts";

/** Pictures to mean and log variance of the latents. */
export const encode: GraphDefinition<AutoencoderKLConfig> = {
  inputs: (config) => ({ sample: float32("batch", config.in_channels, "height", "width") }),
  build(s, config, { sample }) {
    const x = encodePicture(s.at("encoder"), sample!, config); // [N, 2L, h, w]
    return { moments: config.use_quant_conv ? conv2d(s.at("quant_conv"), x) : x };
  },
};

/** Latents to pictures. */
export const decode: GraphDefinition<AutoencoderKLConfig> = {
  inputs: (config) => ({ latents: float32("batch", config.latent_channels, "height", "width") }),
  build(s, config, { latents }) {
    const x = config.use_post_quant_conv ? conv2d(s.at("post_quant_conv"), latents!) : latents!;
    return { sample: decodePicture(s.at("decoder"), x, config) };
  },
};

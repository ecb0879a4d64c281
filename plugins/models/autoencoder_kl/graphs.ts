import { float32, type GraphDefinition } from "@denoise/onnx";
import { imageDecoder, imageEncoder } from "@denoise/onnx/blocks";
import { conv2d } from "@denoise/onnx/nn";
import type { AutoencoderKLConfig } from "./config.ts";

/** Images to mean and log variance of the latents. */
export const encode: GraphDefinition<AutoencoderKLConfig> = {
  bands: 8, // nine places of 256 channels at 512x512: 75 MB in a band
  inputs: (config) => ({ sample: float32("batch", config.in_channels, "height", "width") }),
  build(s, config, { sample }) {
    const x = imageEncoder(s.at("encoder"), sample!, config); // [N, 2L, h, w]
    return { moments: config.use_quant_conv ? conv2d(s.at("quant_conv"), x) : x };
  },
};

/** Latents to images. */
export const decode: GraphDefinition<AutoencoderKLConfig> = {
  bands: 8, // nine places of 256 channels at 512x512: 75 MB in a band
  inputs: (config) => ({ latents: float32("batch", config.latent_channels, "height", "width") }),
  build(s, config, { latents }) {
    const x = config.use_post_quant_conv ? conv2d(s.at("post_quant_conv"), latents!) : latents!;
    return { sample: imageDecoder(s.at("decoder"), x, config) };
  },
};

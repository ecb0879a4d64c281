/**
 * AutoencoderDC: the deep compression autoencoder of Sana (Chen et al., 2024, arXiv:2410.10733): images to
 * latents of a 32nd of their size. Its shortcuts move pixels into channels, and its lower levels attend with
 * linear attention.
 *
 * Not covered: normalizations other than `rms_norm`, tiles of other sizes than the reference's.
 *
 * @example
 * ```ts ignore
 * import { AutoencoderDC } from "@denoise/denoise";
 *
 * const vae = await AutoencoderDC.fromPretrained("mit-han-lab/dc-ae-f32c32-sana-1.0-diffusers");
 * console.log(vae.config.latent_channels); // 32
 * ```
 *
 * @module
 */
import type { ModelClass } from "@denoise/core";
import { type Autoencoder, certainLatents } from "@denoise/roles";
import { defineModel, float32, partitioned } from "@denoise/onnx";
import { type AutoencoderDCConfig, type BlockType, check, schema } from "./config.ts";
import { decode, encode } from "./graphs.ts";

export type { AutoencoderDCConfig, BlockType };

/** A loaded AutoencoderDC: `encode(images)` and `decode(latents)`. */
export type AutoencoderDC = Autoencoder<AutoencoderDCConfig>;

/** Pixels of a tile's side, and the share of it that its neighbours have too. */
const SIDE = 512;
const OVERLAP = 0.125;

/** The class of deep compression autoencoders; `AutoencoderDC` of diffusers. */
export const AutoencoderDC: ModelClass<AutoencoderDC> = defineModel<
  AutoencoderDCConfig,
  AutoencoderDC
>({
  className: "AutoencoderDC",
  schema,
  check,
  graphs: {
    encode: {
      inputs: (config) => ({ sample: float32("batch", config.in_channels, "height", "width") }),
      build: (s, config, { sample }) => ({ latents: encode(s.at("encoder"), config, sample!) }),
    },
    decode: {
      inputs: (config) => ({
        latents: float32("batch", config.latent_channels, "height", "width"),
      }),
      build: (s, config, { latents }) => ({ sample: decode(s.at("decoder"), config, latents!) }),
    },
  },
  methods: (model) => {
    const { scaling_factor, latent_channels, encoder_block_out_channels } = model.config;
    const { partition, run } = partitioned(model);
    const factor = 2 ** (encoder_block_out_channels.length - 1);
    const inside = { pixels: SIDE, latents: Math.floor(SIDE / factor) };
    return {
      ...partition,
      latentSpace: {
        channels: latent_channels,
        factor,
        normalize: (latents) => latents.mul(scaling_factor),
        denormalize: (latents) => latents.div(scaling_factor),
      },
      async encode(sample) {
        const tiles = { from: inside.pixels, to: inside.latents, overlap: OVERLAP };
        const latents = await run(
          sample,
          tiles,
          async (x) => (await model.run("encode", { sample: x })).latents!,
        );
        return { latentDist: certainLatents(latents) };
      },
      async decode(latents) {
        const tiles = { from: inside.latents, to: inside.pixels, overlap: OVERLAP };
        const sample = await run(
          latents,
          tiles,
          async (x) => (await model.run("decode", { latents: x })).sample!,
        );
        return { sample };
      },
    };
  },
});

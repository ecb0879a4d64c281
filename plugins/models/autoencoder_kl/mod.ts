/**
 * AutoencoderKL: images to latents, an eighth as wide and high in Stable Diffusion, and back.
 * Kingma and Welling (arXiv:1312.6114); Rombach et al. (arXiv:2112.10752), section 3.1.
 *
 * @example
 * ```ts ignore
 * import { AutoencoderKL, randn } from "@denoise/denoise";
 *
 * const vae = await AutoencoderKL.fromPretrained("stable-diffusion-v1-5/stable-diffusion-v1-5", {
 *   subfolder: "vae",
 * });
 * const { sample } = await vae.decode(randn([1, 4, 64, 64]));
 * ```
 *
 * @module
 */
import type { ModelClass, Tensor } from "@denoise/core";
import { type Autoencoder, diagonalGaussian } from "@denoise/roles";
import { defineModel, partitioned } from "@denoise/onnx";
import { todaysAttentionName } from "@denoise/onnx/blocks";
import { type AutoencoderKLConfig, check, schema } from "./config.ts";
import { decode, encode } from "./graphs.ts";

export type { AutoencoderKLConfig };

/** A loaded AutoencoderKL: `encode(images)` and `decode(latents)`. */
export interface AutoencoderKL extends Autoencoder<AutoencoderKLConfig> {}

/** The class of Stable Diffusion's autoencoders; `AutoencoderKL` of diffusers. */
export const AutoencoderKL: ModelClass<AutoencoderKL> = defineModel<
  AutoencoderKLConfig,
  AutoencoderKL
>({
  className: "AutoencoderKL",
  schema,
  check,
  rename: todaysAttentionName,
  upcasts: ({ force_upcast }) => force_upcast,
  graphs: { encode, decode },
  methods(model) {
    const { sample_size, block_out_channels } = model.config;
    const pixels = [sample_size].flat()[0] as number;
    const latents = Math.trunc(pixels / 2 ** (block_out_channels.length - 1));
    const { partition, run } = partitioned(model);
    const encode = async (sample: Tensor) => (await model.run("encode", { sample })).moments!;
    const decode = async (latents: Tensor) => (await model.run("decode", { latents })).sample!;
    return {
      ...partition,
      async encode(sample) {
        const moments = await run(sample, { from: pixels, to: latents }, encode);
        return { latentDist: diagonalGaussian(moments) };
      },
      async decode(sample) {
        return { sample: await run(sample, { from: latents, to: pixels }, decode) };
      },
    };
  },
});

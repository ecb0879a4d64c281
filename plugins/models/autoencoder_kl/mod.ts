/**
 * AutoencoderKL: pictures to latents, an eighth as wide and high in Stable Diffusion, and back.
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
import {
  type Autoencoder,
  type LatentDistribution,
  type ModelClass,
  randnTensor,
  type Tensor,
} from "@denoise/core";
import { defineModel } from "@denoise/onnx";
import { todaysAttentionName } from "@denoise/onnx/blocks";
import { type AutoencoderKLConfig, check, schema } from "./config.ts";
import { decode, encode } from "./graphs.ts";

export type { AutoencoderKLConfig };

/** A loaded AutoencoderKL: `encode(pictures)` and `decode(latents)`. */
export type AutoencoderKL = Autoencoder<AutoencoderKLConfig>;

/** The class of Stable Diffusion's autoencoders; `AutoencoderKL` of diffusers. */
export const AutoencoderKL: ModelClass<AutoencoderKL> = defineModel<
  AutoencoderKLConfig,
  AutoencoderKL
>({
  className: "AutoencoderKL",
  schema,
  check,
  rename: todaysAttentionName,
  graphs: { encode, decode },
  methods: (model) => ({
    async encode(sample) {
      const { moments } = await model.run("encode", { sample });
      return { latentDist: diagonalGaussian(moments!) };
    },
    async decode(latents) {
      const { sample } = await model.run("decode", { latents });
      return { sample: sample! };
    },
  }),
});

/** `DiagonalGaussianDistribution` of the mean and log variance, [N, 2C, h, w] one after the other. */
function diagonalGaussian(moments: Tensor): LatentDistribution {
  const [mean, raw] = moments.chunk(2, 1) as [Tensor, Tensor];
  const logvar = raw.clamp(-30, 20);
  return {
    mean,
    logvar,
    mode: () => mean,
    sample(generator) {
      const std = logvar.mul(0.5).exp();
      return mean.add(std.mul(randnTensor(mean.dims, generator)));
    },
  };
}

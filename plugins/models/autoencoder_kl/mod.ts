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
import { type ModelClass, randnTensor, type Tensor } from "@denoise/core";
import type { Autoencoder, LatentDistribution } from "@denoise/roles";
import { defineModel } from "@denoise/onnx";
import { todaysAttentionName } from "@denoise/onnx/blocks";
import { type AutoencoderKLConfig, check, schema } from "./config.ts";
import { decode, encode } from "./graphs.ts";
import { inSlices, inTiles, type TilePlan, tilePlan } from "./tiling.ts";

export type { AutoencoderKLConfig };

/** A loaded AutoencoderKL: `encode(images)` and `decode(latents)`. */
export interface AutoencoderKL extends Autoencoder<AutoencoderKLConfig> {
  /** Computes the samples of a batch one after the other, which needs less memory. */
  enableSlicing(): void;
  /** Computes a batch at once again. */
  disableSlicing(): void;
  /**
   * Computes images that are larger than `sample_size` in overlapping tiles, which bounds the
   * memory; colours may differ a little from tile to tile.
   */
  enableTiling(): void;
  /** Computes images as a whole again. */
  disableTiling(): void;
}

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
    const encode = async (sample: Tensor) => (await model.run("encode", { sample })).moments!;
    const decode = async (latents: Tensor) => (await model.run("decode", { latents })).sample!;
    let [slicing, tiling] = [false, false];

    const tiled = (x: Tensor, plan: TilePlan, run: (x: Tensor) => Promise<Tensor>) =>
      tiling && Math.max(...x.dims.slice(2)) > plan.size ? inTiles(x, plan, run) : run(x);
    const sliced = (x: Tensor, plan: TilePlan, run: (x: Tensor) => Promise<Tensor>) =>
      slicing && x.dims[0]! > 1 ? inSlices(x, (one) => tiled(one, plan, run)) : tiled(x, plan, run);
    return {
      async encode(sample) {
        const moments = await sliced(sample, tilePlan(pixels, latents), encode);
        return { latentDist: diagonalGaussian(moments) };
      },
      async decode(sample) {
        return { sample: await sliced(sample, tilePlan(latents, pixels), decode) };
      },
      enableSlicing: () => void (slicing = true),
      disableSlicing: () => void (slicing = false),
      enableTiling: () => void (tiling = true),
      disableTiling: () => void (tiling = false),
    };
  },
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

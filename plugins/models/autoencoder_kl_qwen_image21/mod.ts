/**
 * AutoencoderKLQwenImage21: images with transparency to latents, a sixteenth as wide and high, and back, for
 * Qwen-Image 2.1 (Qwen Team, 2026). It is a causal autoencoder of videos (Wan: arXiv:2503.20314) cut down to single
 * frames, with shortcuts beside its levels (DC-AE: arXiv:2410.10733).
 *
 * @example
 * ```ts ignore
 * import { AutoencoderKLQwenImage21, randn } from "@denoise/denoise";
 *
 * const vae = await AutoencoderKLQwenImage21.fromPretrained("Qwen/Qwen-Image-2.1", {
 *   subfolder: "vae",
 * });
 * const { sample } = await vae.decode(randn([1, 64, 64, 64])); // [1, 4, 1024, 1024]
 * ```
 *
 * @module
 */
import { type FrozenConfig, type ModelClass, Tensor } from "@denoise/core";
import { type Autoencoder, diagonalGaussian, type LatentSpace } from "@denoise/roles";
import { defineModel, partitioned } from "@denoise/onnx";
import { type AutoencoderKLQwenImage21Config, check, factorOf, schema } from "./config.ts";
import { decode, encode } from "./graphs.ts";

export type { AutoencoderKLQwenImage21Config };

/** A loaded AutoencoderKLQwenImage21: `encode(images)` and `decode(latents)`, both [N, C, H, W]. */
export interface AutoencoderKLQwenImage21 extends Autoencoder<AutoencoderKLQwenImage21Config> {
  /** Latents of unit variance by mean and standard deviation of each channel. */
  readonly latentSpace: LatentSpace;
}

/** The side of a tile in pixels. */
const TILE = 256;

/** The autoencoder of Qwen-Image 2.1; `AutoencoderKLQwenImage21` of diffusers. */
export const AutoencoderKLQwenImage21: ModelClass<AutoencoderKLQwenImage21> = defineModel<
  AutoencoderKLQwenImage21Config,
  AutoencoderKLQwenImage21
>({
  className: "AutoencoderKLQwenImage21",
  schema,
  check,
  ignore: [/\.time_conv\./], // between frames
  graphs: { encode, decode },
  methods(model) {
    const space = latentSpaceOf(model.config);
    const sides = { pixels: TILE, latents: Math.floor(TILE / space.factor) };
    const { partition, run } = partitioned(model);
    const encode = async (sample: Tensor) => (await model.run("encode", { sample })).moments!;
    const decode = async (latents: Tensor) => (await model.run("decode", { latents })).sample!;
    return {
      ...partition,
      latentSpace: space,
      async encode(sample) {
        const moments = await run(sample, { from: sides.pixels, to: sides.latents }, encode);
        return { latentDist: diagonalGaussian(moments) };
      },
      async decode(latents) {
        const sample = await run(latents, { from: sides.latents, to: sides.pixels }, decode);
        return { sample: sample.clamp(-1, 1) };
      },
    };
  },
});

function latentSpaceOf(config: FrozenConfig<AutoencoderKLQwenImage21Config>): LatentSpace {
  const { z_dim: channels, latents_mean, latents_std } = config;
  const row = (values: readonly number[]) =>
    Tensor.from(Float32Array.from(values), [1, channels, 1, 1]);
  const [mean, std] = [row(latents_mean), row(latents_std)];
  return {
    channels,
    factor: factorOf(config),
    normalize: (latents) => latents.sub(mean).div(std),
    denormalize: (latents) => latents.mul(std).add(mean),
  };
}

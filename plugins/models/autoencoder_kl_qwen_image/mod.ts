/**
 * AutoencoderKLQwenImage: images to latents, an eighth as wide and high, and back, for Qwen-Image (Qwen Team,
 * 2025, arXiv:2508.02324), Anima and Krea-2. It is a causal autoencoder of videos (Wan: arXiv:2503.20314); an
 * image is a video's first frame, for which it is a network of two dimensions, exactly.
 *
 * Not covered: videos of several frames.
 *
 * @example
 * ```ts ignore
 * import { AutoencoderKLQwenImage, randn } from "@denoise/denoise";
 *
 * const vae = await AutoencoderKLQwenImage.fromPretrained("Qwen/Qwen-Image", { subfolder: "vae" });
 * const { sample } = await vae.decode(randn([1, 16, 128, 128]));
 * ```
 *
 * @module
 */
import { type FrozenConfig, type ModelClass, Tensor } from "@denoise/core";
import { type Autoencoder, diagonalGaussian, type LatentSpace } from "@denoise/roles";
import { defineModel, partitioned } from "@denoise/onnx";
import { type AutoencoderKLQwenImageConfig, check, schema } from "./config.ts";
import { decode, encode } from "./graphs.ts";

export type { AutoencoderKLQwenImageConfig };

/** A loaded AutoencoderKLQwenImage: `encode(images)` and `decode(latents)`, both [N, C, H, W]. */
export interface AutoencoderKLQwenImage extends Autoencoder<AutoencoderKLQwenImageConfig> {
  /** Latents of unit variance by mean and standard deviation of each channel. */
  readonly latentSpace: LatentSpace;
}

/** The side of a tile in pixels. */
const TILE = 256;

/** The autoencoder of Qwen-Image on single frames; `AutoencoderKLQwenImage` of diffusers. */
export const AutoencoderKLQwenImage: ModelClass<AutoencoderKLQwenImage> = defineModel<
  AutoencoderKLQwenImageConfig,
  AutoencoderKLQwenImage
>({
  className: "AutoencoderKLQwenImage",
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

function latentSpaceOf(config: FrozenConfig<AutoencoderKLQwenImageConfig>): LatentSpace {
  const { z_dim: channels, temperal_downsample, latents_mean, latents_std } = config;
  const row = (values: readonly number[]) =>
    Tensor.from(Float32Array.from(values), [1, channels, 1, 1]);
  const [mean, rate] = [row(latents_mean), row(latents_std.map((std) => 1 / Math.fround(std)))];
  return {
    channels,
    factor: 2 ** temperal_downsample.length,
    normalize: (latents) => latents.sub(mean).mul(rate),
    denormalize: (latents) => latents.div(rate).add(mean),
  };
}

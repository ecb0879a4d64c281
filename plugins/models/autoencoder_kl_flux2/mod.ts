/**
 * AutoencoderKLFlux2: images to latents and back for FLUX.2 (Black Forest Labs, 2025): the encoder and decoder
 * of AutoencoderKL (arXiv:2112.10752). Denoisers know 2x2 of its latents as one, of four times the channels, which
 * are normalized by their mean and variance over many images.
 *
 * @example
 * ```ts ignore
 * import { AutoencoderKLFlux2, randn } from "@denoise/denoise";
 *
 * const vae = await AutoencoderKLFlux2.fromPretrained("black-forest-labs/FLUX.2-klein-4B", {
 *   subfolder: "vae",
 * });
 * const { sample } = await vae.decode(vae.latentSpace.denormalize(randn([1, 128, 64, 64])));
 * ```
 *
 * @module
 */
import { type FrozenConfig, type ModelClass, Tensor } from "@denoise/core";
import { type Autoencoder, diagonalGaussian, type LatentSpace } from "@denoise/roles";
import { defineModel, float32, partitioned } from "@denoise/onnx";
import { imageDecoder, imageEncoder } from "@denoise/onnx/blocks";
import { conv2d } from "@denoise/onnx/nn";
import { type AutoencoderKLFlux2Config, check, schema } from "./config.ts";

export type { AutoencoderKLFlux2Config };

/** A loaded AutoencoderKLFlux2: `encode(images)` and `decode(latents)`. */
export interface AutoencoderKLFlux2 extends Autoencoder<AutoencoderKLFlux2Config> {
  /** Latents of 2x2 of the encoder's, of unit variance. */
  readonly latentSpace: LatentSpace;
}

/** The autoencoder of FLUX.2; `AutoencoderKLFlux2` of diffusers. */
export const AutoencoderKLFlux2: ModelClass<AutoencoderKLFlux2> = defineModel<
  AutoencoderKLFlux2Config,
  AutoencoderKLFlux2
>({
  className: "AutoencoderKLFlux2",
  schema,
  check,
  ignore: [/^bn\.num_batches_tracked$/],
  constants: () => ["bn.running_mean", "bn.running_var"],
  graphs: {
    encode: {
      bands: 8, // as those of AutoencoderKL
      inputs: (config) => ({ sample: float32("batch", config.in_channels, "height", "width") }),
      build(s, config, { sample }) {
        const x = imageEncoder(s.at("encoder"), sample!, config); // [N, 2L, h, w]
        return { moments: config.use_quant_conv ? conv2d(s.at("quant_conv"), x) : x };
      },
    },
    decode: {
      bands: 8,
      inputs: (config) => ({
        latents: float32("batch", config.latent_channels, "height", "width"),
      }),
      build(s, config, { latents }) {
        const widths = config.decoder_block_out_channels ?? config.block_out_channels;
        const x = config.use_post_quant_conv ? conv2d(s.at("post_quant_conv"), latents!) : latents!;
        const decoder = { ...config, block_out_channels: widths };
        return { sample: imageDecoder(s.at("decoder"), x, decoder) };
      },
    },
  },
  methods(model, statistics) {
    const { sample_size, block_out_channels } = model.config;
    const pixels = [sample_size].flat()[0] as number;
    const latents = Math.trunc(pixels / 2 ** (block_out_channels.length - 1));
    const { partition, run } = partitioned(model);
    const encode = async (sample: Tensor) => (await model.run("encode", { sample })).moments!;
    const decode = async (latents: Tensor) => (await model.run("decode", { latents })).sample!;
    return {
      ...partition,
      latentSpace: latentSpaceOf(model.config, statistics),
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

function latentSpaceOf(
  { latent_channels, block_out_channels, batch_norm_eps }: FrozenConfig<AutoencoderKLFlux2Config>,
  statistics: Readonly<Record<string, Tensor>>,
): LatentSpace {
  const channels = 4 * latent_channels;
  const column = (name: string) =>
    Tensor.from(statistics[name]!.toFloat32Array().slice(), [1, channels, 1, 1]);
  const mean = column("bn.running_mean");
  const std = column("bn.running_var").add(batch_norm_eps).sqrt();
  return {
    channels,
    factor: 2 ** block_out_channels.length,
    normalize: (latents) => patchify(latents).sub(mean).div(std),
    denormalize: (latents) => unpatchify(latents.mul(std).add(mean)),
  };
}

/** Latents [N, C, h, w] with 2x2 of them as one, [N, 4·C, h/2, w/2]. */
function patchify(latents: Tensor): Tensor {
  const [n, c, h, w] = latents.dims as readonly [number, number, number, number];
  return latents.reshape([n, c, h / 2, 2, w / 2, 2]).permute([0, 1, 3, 5, 2, 4])
    .reshape([n, 4 * c, h / 2, w / 2]);
}

/** The reverse of {@linkcode patchify}. */
function unpatchify(latents: Tensor): Tensor {
  const [n, c, h, w] = latents.dims as readonly [number, number, number, number];
  return latents.reshape([n, c / 4, 2, 2, h, w]).permute([0, 1, 4, 2, 5, 3])
    .reshape([n, c / 4, 2 * h, 2 * w]);
}

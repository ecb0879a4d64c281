/**
 * VQModel: images to latents, these to the nearest vectors of a learned codebook, and back. Van den
 * Oord et al. (arXiv:1711.00937); Rombach et al. (arXiv:2112.10752), section 3.1; with `norm_type`
 * "spatial" the MoVQ decoder of Zheng et al. (arXiv:2209.09002).
 *
 * @example
 * ```ts ignore
 * import { randn, VQModel } from "@denoise/denoise";
 *
 * const vae = await VQModel.fromPretrained("CompVis/ldm-super-resolution-4x-openimages", {
 *   subfolder: "vqvae",
 * });
 * const { sample } = await vae.decode(randn([1, 3, 64, 64]));
 * ```
 *
 * @module
 */
import { type ModelClass, Tensor } from "@denoise/core";
import {
  type Autoencoder,
  certainLatents,
  type ImageDecodeOptions,
  type LatentDistribution,
} from "@denoise/roles";
import { defineModel, type Runner, unpartitioned } from "@denoise/onnx";
import { todaysAttentionName } from "@denoise/onnx/blocks";
import { check, schema, type VQModelConfig } from "./config.ts";
import { decode, encode, lookup, quantize } from "./graphs.ts";

export type { VQModelConfig };

/** Latents as vectors of the codebook. */
export interface Quantized {
  /** float32 [N, E, h, w]. */
  readonly quantized: Tensor;
  /** Numbers of the vectors, row by row of each sample, int64 [N·h·w]. */
  readonly indices: Tensor;
  /** How far latents are from them: 1.25 times the mean square, float32 []. */
  readonly commitLoss: Tensor;
}

/** Options of {@linkcode VQModel.decode}. */
export interface VQDecodeOptions extends ImageDecodeOptions {
  /**
   * Take latents for vectors of the codebook already; with `lookup_from_codebook` in the config they
   * are the vectors' numbers, int64 [N, h, w].
   */
  readonly forceNotQuantize?: boolean | undefined;
  /** What such numbers of other sizes are brought to: [N, h, w, E], with E the vectors' width. */
  readonly shape?: readonly [number, number, number, number] | undefined;
}

/** An image from latents. */
export interface VQDecoded {
  /** float32 [N, 3, H, W] in about -1..1. */
  readonly sample: Tensor;
  /** That of {@linkcode Quantized}; zeros, float32 [N], where nothing was quantized. */
  readonly commitLoss: Tensor;
}

/** A loaded VQModel: `encode(images)` and `decode(latents)`. */
export interface VQModel extends Autoencoder<VQModelConfig> {
  /**
   * Images, float32 [N, 3, H, W] in -1..1, to latents [N, E, h, w], which are not quantized; as a
   * distribution, too, of which every draw is the same.
   */
  encode(sample: Tensor): Promise<{
    readonly latents: Tensor;
    readonly latentDist: LatentDistribution;
  }>;
  /** Latents [N, E, h, w] to the nearest vectors of the codebook. */
  quantize(latents: Tensor): Promise<Quantized>;
  /**
   * Latents [N, E, h, w] to images, by way of the codebook.
   *
   * @throws {TypeError} for tensors of other types or sizes.
   * @throws {RangeError} for numbers outside the codebook.
   */
  decode(latents: Tensor, options?: VQDecodeOptions): Promise<VQDecoded>;
  /** Images to images: `encode`, then `decode`. */
  forward(sample: Tensor): Promise<VQDecoded>;
}

/** The class of autoencoders with a codebook; `VQModel` of diffusers. */
export const VQModel: ModelClass<VQModel> = defineModel<VQModelConfig, VQModel>({
  className: "VQModel",
  schema,
  check,
  rename: todaysAttentionName,
  upcasts: ({ force_upcast }) => force_upcast,
  graphs: { encode, quantize, lookup, decode },
  methods(model) {
    const toCodes = async (latents: Tensor): Promise<Quantized> => {
      const result = await model.run("quantize", { latents });
      return {
        quantized: result.quantized!,
        indices: result.indices!,
        commitLoss: result.commit_loss!,
      };
    };
    const toImage = async (latents: Tensor, options: VQDecodeOptions = {}) => {
      const { quantized, commitLoss } = options.forceNotQuantize
        ? { quantized: await given(model, latents, options.shape), commitLoss: nothing(latents) }
        : await toCodes(latents);
      const { sample } = await model.run("decode", { quantized });
      return { sample: sample!, commitLoss };
    };
    const toLatents = async (sample: Tensor) => {
      const latents = (await model.run("encode", { sample })).latents!;
      return { latents, latentDist: certainLatents(latents) };
    };
    return {
      ...unpartitioned("VQModel"),
      encode: toLatents,
      quantize: toCodes,
      decode: toImage,
      forward: async (sample) => await toImage((await toLatents(sample)).latents),
    };
  },
});

/** The loss of what was not quantized. */
function nothing({ dims }: Tensor): Tensor {
  return Tensor.zeros([dims[0] ?? 0]);
}

/** What stands in the place of quantized latents: themselves, or the vectors that they number. */
async function given(
  model: Runner<VQModelConfig>,
  latents: Tensor,
  shape: VQDecodeOptions["shape"],
): Promise<Tensor> {
  const { lookup_from_codebook: isLookup, num_vq_embeddings: count } = model.config;
  if (!isLookup) return latents;
  const width = model.config.vq_embed_dim ?? model.config.latent_channels;
  if (shape !== undefined && shape[3] !== width) {
    throw new TypeError(
      `Cannot decode into [${
        shape.join(", ")
      }]: the last size must be the codebook's width, ${width}`,
    );
  }
  const indices = shape === undefined ? latents : latents.reshape(shape.slice(0, 3));
  const outside = indices.dtype === "int64" &&
    Array.from(indices.data, Number).find((index) => index < 0 || index >= count);
  if (typeof outside === "number") {
    throw new RangeError(
      `Cannot look up ${outside} in a codebook of ${count} vectors: give numbers from 0 to ${
        count - 1
      }`,
    );
  }
  return (await model.run("lookup", { indices })).quantized!;
}

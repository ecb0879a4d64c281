/**
 * StableUnCLIPImageNormalizer: mean and standard deviation of CLIP's vectors of images, by which they are
 * normalized before noise is added to them (Stable unCLIP).
 *
 * @example
 * ```ts ignore
 * import { StableUnCLIPImageNormalizer } from "@denoise/denoise";
 *
 * const normalizer = await StableUnCLIPImageNormalizer.fromPretrained(
 *   "sd2-community/stable-diffusion-2-1-unclip",
 *   { subfolder: "image_normalizer" },
 * );
 * const normal = normalizer.scale(imageEmbeds);
 * ```
 *
 * @module
 */
import type { Model, ModelClass, Tensor } from "@denoise/core";
import { defineModel } from "@denoise/onnx";

/** Options of a StableUnCLIPImageNormalizer, as they stand in config.json. */
export interface StableUnCLIPImageNormalizerConfig {
  /** Width of the vectors. */
  readonly embedding_dim: number;
}

/** A loaded StableUnCLIPImageNormalizer. */
export interface StableUnCLIPImageNormalizer extends Model<StableUnCLIPImageNormalizerConfig> {
  /** Vectors, float32 [N, width], with mean 0 and standard deviation 1. */
  scale(embeds: Tensor): Tensor;
  /** The other way round. */
  unscale(embeds: Tensor): Tensor;
}

/** The class of normalizers; `StableUnCLIPImageNormalizer` of diffusers. */
export const StableUnCLIPImageNormalizer: ModelClass<StableUnCLIPImageNormalizer> = defineModel<
  StableUnCLIPImageNormalizerConfig,
  StableUnCLIPImageNormalizer
>({
  className: "StableUnCLIPImageNormalizer",
  library: "stable_diffusion",
  layout: "diffusers",
  schema: { embedding_dim: 768 },
  constants: () => ["mean", "std"],
  graphs: {},
  methods: (_model, { mean, std }) => ({
    scale: (embeds) => embeds.sub(mean!).div(std!),
    unscale: (embeds) => embeds.mul(std!).add(mean!),
  }),
});

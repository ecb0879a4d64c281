/**
 * CLIPImageProjection: brings vectors that CLIP has for images among those that it has for texts, as GLIGEN needs
 * them. Li et al., "GLIGEN: Open-Set Grounded Text-to-Image Generation" (arXiv:2301.07093), section 4.1.
 *
 * @example
 * ```ts ignore
 * import { CLIPImageProjection } from "@denoise/denoise";
 *
 * const projection = await CLIPImageProjection.fromPretrained(
 *   "anhnct/Gligen_Text_Image",
 *   { subfolder: "image_project" },
 * );
 * const vectors = await projection.forward(imageEmbeds); // float32 [1, 768]
 * ```
 *
 * @module
 */
import type { ConfigSchema, Model, ModelClass, Tensor } from "@denoise/core";
import { defineModel, float32 } from "@denoise/onnx";
import { linear } from "@denoise/onnx/nn";

/** Options of a CLIPImageProjection, as they stand in config.json. */
export interface CLIPImageProjectionConfig {
  /** Width of the vectors. */
  readonly hidden_size: number;
}

/** A loaded CLIPImageProjection. */
export interface CLIPImageProjection extends Model<CLIPImageProjectionConfig> {
  /** Vectors of images, float32 [N, hidden_size], as vectors of texts of the same shape. */
  forward(embeds: Tensor): Promise<Tensor>;
}

const schema: ConfigSchema<CLIPImageProjectionConfig> = { hidden_size: 768 };

/** Vectors of images as vectors of texts; `CLIPImageProjection` of diffusers. */
export const CLIPImageProjection: ModelClass<CLIPImageProjection> = defineModel<
  CLIPImageProjectionConfig,
  CLIPImageProjection
>({
  className: "CLIPImageProjection",
  library: "stable_diffusion",
  layout: "diffusers",
  schema,
  graphs: {
    forward: {
      inputs: ({ hidden_size }) => ({ embeds: float32("batch", hidden_size) }),
      build: (s, _config, { embeds }) => ({
        projected: linear(s.at("project"), embeds!, { bias: false }),
      }),
    },
  },
  methods: (model) => ({
    forward: async (embeds) => (await model.run("forward", { embeds })).projected!,
  }),
});

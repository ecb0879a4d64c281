/**
 * PriorTransformer: makes the vector that CLIP would have for an image of that of a text, by denoising it. Ramesh
 * et al., "Hierarchical Text-Conditional Image Generation with CLIP Latents" (arXiv:2204.06125), as unCLIP and
 * Kandinsky 2 have it; without the token of its own as Shap-E has it.
 *
 * @example
 * ```ts ignore
 * import { PriorTransformer, randn } from "@denoise/denoise";
 *
 * const prior = await PriorTransformer.fromPretrained("kandinsky-community/kandinsky-2-2-prior", {
 *   subfolder: "prior",
 * });
 * const { predictedImageEmbedding } = await prior.forward(randn([1, 1280]), 999, {
 *   projEmbedding,
 *   encoderHiddenStates,
 * });
 * ```
 *
 * @module
 */
import { type ModelClass, Tensor } from "@denoise/core";
import { defineModel, timestepTensor } from "@denoise/onnx";
import type { Prior } from "@denoise/roles";
import { check, type PriorTransformerConfig, schema } from "./config.ts";
import { forward, isOneVector } from "./graph.ts";

export type { PriorTransformerConfig };

/** A loaded PriorTransformer. */
export type PriorTransformer = Prior<PriorTransformerConfig>;

/** The class of priors; `PriorTransformer` of diffusers. */
export const PriorTransformer: ModelClass<PriorTransformer> = defineModel<
  PriorTransformerConfig,
  PriorTransformer
>({
  className: "PriorTransformer",
  schema,
  check,
  constants: () => ["clip_mean", "clip_std"],
  graphs: { forward },
  methods: (model, { clip_mean: mean, clip_std: std }) => ({
    async forward(given, timestep, options) {
      const { projEmbedding, encoderHiddenStates, attentionMask, signal } = options;
      const isFlat = given.dims.length === 2;
      const vectors = !isOneVector(model.config) && isFlat ? given.unsqueeze(1) : given;
      const { prediction } = await model.run("forward", {
        hidden_states: vectors,
        timestep: timestepTensor(timestep, given.dims[0]!),
        proj_embedding: projEmbedding,
        encoder_hidden_states: encoderHiddenStates,
        attention_mask: attentionMask && allTokens(attentionMask, model.config),
      }, { signal });
      return { predictedImageEmbedding: prediction! };
    },
    postProcessLatents: (latents) => latents.mul(std!).add(mean!),
  }),
});

/** The mask of a text with those of the tokens behind it, which all count: float32 [N, tokens]. */
function allTokens(mask: Tensor, { additional_embeddings: more }: PriorTransformerConfig): Tensor {
  const own = new Tensor("float32", mask.toFloat32Array(), mask.dims);
  return Tensor.cat([own, Tensor.full([mask.dims[0]!, more], 1)], 1);
}

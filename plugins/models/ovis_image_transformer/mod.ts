/**
 * OvisImageTransformer2DModel: the denoiser of Ovis-Image (Alibaba, 2025, arXiv:2511.22982), FLUX.1's blocks with
 * feed forwards half of which gates the other (SwiGLU: arXiv:2002.05202), given time and the states of a language model.
 *
 * Not covered: `joint_attention_kwargs`.
 *
 * @example
 * ```ts ignore
 * import { OvisImageTransformer2DModel } from "@denoise/denoise";
 *
 * const transformer = await OvisImageTransformer2DModel.fromPretrained("AIDC-AI/Ovis-Image-7B", {
 *   subfolder: "transformer",
 * });
 * console.log(transformer.config.num_layers);
 * ```
 *
 * @module
 */
import type { ModelClass } from "@denoise/core";
import { defineModel } from "@denoise/onnx";
import {
  fluxGraph,
  fluxGraphMethods,
  type FluxGraphModel,
  type FluxGraphOptions,
  timestepEmbedding,
  timestepWaves,
} from "@denoise/onnx/blocks";
import { rmsNorm } from "@denoise/onnx/nn";
import { type OvisImageTransformerConfig, schema } from "./config.ts";

export type { FluxGraphOptions, OvisImageTransformerConfig };

/** A loaded OvisImageTransformer2DModel. */
export interface OvisImageTransformer2DModel extends FluxGraphModel<OvisImageTransformerConfig> {}

/** The denoiser of Ovis-Image; `OvisImageTransformer2DModel` of diffusers. */
export const OvisImageTransformer2DModel: ModelClass<OvisImageTransformer2DModel> = defineModel<
  OvisImageTransformerConfig,
  OvisImageTransformer2DModel
>({
  className: "OvisImageTransformer2DModel",
  schema,
  graphs: {
    forward: fluxGraph({
      time: (s, timestep) =>
        timestepEmbedding(s.at("timestep_embedder"), timestepWaves(s, timestep)),
      text: (s, states) => rmsNorm(s.at("context_embedder_norm"), states, { eps: 1e-6 }),
      activation: "swiglu",
    }),
  },
  methods: fluxGraphMethods,
});

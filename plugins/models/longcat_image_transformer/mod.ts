/**
 * LongCatImageTransformer2DModel: the denoiser of LongCat-Image and LongCat-Image-Edit (Meituan, 2025,
 * arXiv:2512.07584), FLUX.1's blocks, given time and the states of a language model.
 *
 * Not covered: `guidance`, which the reference takes and does not use.
 *
 * @example
 * ```ts ignore
 * import { LongCatImageTransformer2DModel } from "@denoise/denoise";
 *
 * const transformer = await LongCatImageTransformer2DModel.fromPretrained(
 *   "meituan-longcat/LongCat-Image",
 *   { subfolder: "transformer" },
 * );
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
import { type LongCatImageTransformerConfig, schema } from "./config.ts";

export type { FluxGraphOptions, LongCatImageTransformerConfig };

/** A loaded LongCatImageTransformer2DModel. */
export interface LongCatImageTransformer2DModel
  extends FluxGraphModel<LongCatImageTransformerConfig> {}

/** The denoiser of LongCat-Image; `LongCatImageTransformer2DModel` of diffusers. */
export const LongCatImageTransformer2DModel: ModelClass<LongCatImageTransformer2DModel> =
  defineModel<LongCatImageTransformerConfig, LongCatImageTransformer2DModel>({
    className: "LongCatImageTransformer2DModel",
    schema,
    graphs: {
      forward: fluxGraph({
        time: (s, timestep) =>
          timestepEmbedding(s.at("time_embed.timestep_embedder"), timestepWaves(s, timestep)),
        activation: "gelu-approximate",
      }),
    },
    methods: fluxGraphMethods,
  });

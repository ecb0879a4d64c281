/**
 * Qwen3Model: the decoder language model (Yang et al., 2025, arXiv:2505.09388) that Z-Image and FLUX.2 klein
 * read prompts with; the class of transformers. Weights of a Qwen3ForCausalLM are taken without its
 * `lm_head`: no text is generated.
 *
 * Not covered: sliding windows, stretched positions (`rope_scaling`), caches of keys and values.
 *
 * @example
 * ```ts ignore
 * import { Qwen3Model } from "@denoise/denoise";
 * import { Tensor } from "@denoise/core";
 *
 * const encoder = await Qwen3Model.fromPretrained("Tongyi-MAI/Z-Image-Turbo", {
 *   subfolder: "text_encoder",
 * });
 * const ids = Tensor.from([[9707, 11, 1879]], undefined, "int64");
 * const [state] = await encoder.hiddenStates(ids, [-2]); // without the last layer's work
 * ```
 *
 * @module
 */
import type { Model, ModelClass } from "@denoise/core";
import {
  defineModel,
  type LanguageModelMethods,
  languageModelMethods,
  type RopeParameters,
} from "@denoise/onnx";
import { decoderGraph } from "@denoise/onnx/blocks";
import { check, type Qwen3Config, schema } from "./config.ts";

export type { LanguageModelMethods, Qwen3Config, RopeParameters };

/** A loaded Qwen3Model: `forward(ids)` and `hiddenStates(ids, indices)`. */
export interface Qwen3Model extends Model<Qwen3Config>, LanguageModelMethods {}

/** A decoder language model as a text encoder; `Qwen3Model` of transformers. */
export const Qwen3Model: ModelClass<Qwen3Model> = defineModel<Qwen3Config, Qwen3Model>({
  className: "Qwen3Model",
  aliases: ["Qwen3ForCausalLM"],
  library: "transformers",
  schema,
  check,
  rename: (stored) => stored.replace(/^model\./, ""),
  ignore: [/^lm_head\./, /rotary_emb\.inv_freq$/],
  graphs: {
    forward: decoderGraph(({ head_dim, attention_bias: bias }) => ({
      headWidth: head_dim,
      bias,
      outBias: bias,
      normalized: true,
    })),
  },
  methods: languageModelMethods,
});

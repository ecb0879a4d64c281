/**
 * Qwen3Model: the decoder language model (Yang et al., 2025, arXiv:2505.09388) that Z-Image and FLUX.2 klein
 * read prompts with; the class of transformers. Weights of a Qwen3ForCausalLM are taken without its
 * `lm_head`: no text is generated. Qwen3VLForConditionalGeneration (FLUX.3, Krea 2) is here for
 * its texts.
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
  nestedConfig,
  type RopeParameters,
} from "@denoise/onnx";
import { decoderGraph } from "@denoise/onnx/blocks";
import { check, type Qwen3Config, qwen3VL, schema } from "./config.ts";

export type { LanguageModelMethods, Qwen3Config, RopeParameters };

/** A loaded Qwen3Model: `forward(ids)` and `hiddenStates(ids, indices)`. */
export interface Qwen3Model extends Model<Qwen3Config>, LanguageModelMethods {}

/** The layers of both classes. */
const graphs = {
  forward: decoderGraph<Qwen3Config>(({ head_dim, attention_bias: bias }) => ({
    headWidth: head_dim,
    bias,
    outBias: bias,
    normalized: true,
  })),
};

/** A decoder language model as a text encoder; `Qwen3Model` of transformers. */
export const Qwen3Model: ModelClass<Qwen3Model> = defineModel<Qwen3Config, Qwen3Model>({
  className: "Qwen3Model",
  aliases: ["Qwen3ForCausalLM"],
  library: "transformers",
  schema,
  check: (config) => check("Qwen3Model", config),
  rename: (stored) => stored.replace(/^model\./, ""),
  ignore: [/^lm_head\./, /rotary_emb\.inv_freq$/],
  graphs,
  methods: languageModelMethods,
});

/** A loaded Qwen3VLForConditionalGeneration: `forward(ids)` and `hiddenStates(ids, indices)`. */
export interface Qwen3VLForConditionalGeneration extends Model<Qwen3Config>, LanguageModelMethods {}

/**
 * The part of Qwen3-VL (Bai et al., 2025, arXiv:2511.21631) that reads texts, as a text encoder;
 * `Qwen3VLForConditionalGeneration` of transformers. The layers are Qwen3's; for texts, whose tokens have one and
 * the same place on each of its three axes, positions are Qwen3's as well. Images are not read: the weights that
 * do are passed over.
 */
export const Qwen3VLForConditionalGeneration: ModelClass<Qwen3VLForConditionalGeneration> =
  defineModel<Qwen3Config, Qwen3VLForConditionalGeneration>({
    className: "Qwen3VLForConditionalGeneration",
    aliases: ["Qwen3VLModel"],
    library: "transformers",
    schema: { ...schema, ...qwen3VL },
    adapt: (config) => ({ ...config, ...nestedConfig(config, "text_config") }),
    check: (config) => check("Qwen3VLForConditionalGeneration", config),
    rename: (stored) => stored.replace(/^(model\.)?language_model\./, ""),
    ignore: [/^lm_head\./, /^(model\.)?visual\./, /rotary_emb\.inv_freq$/],
    graphs,
    methods: languageModelMethods,
  });

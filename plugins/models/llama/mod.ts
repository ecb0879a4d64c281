/**
 * LlamaModel: the decoder language model (Touvron et al., 2023, arXiv:2302.13971), and the text part of
 * Mistral3ForConditionalGeneration (Mistral Small 3.1 and 3.2), which FLUX.2 dev reads prompts with: the same layers
 * with other options. Classes of transformers. Weights of a LlamaForCausalLM are taken without its `lm_head`: no
 * text is generated.
 *
 * Not covered: stretched positions (`rope_scaling` of Llama 3.1 and later), biases of the feed forward, images, caches of keys
 * and values.
 *
 * @example
 * ```ts ignore
 * import { Mistral3ForConditionalGeneration } from "@denoise/denoise";
 * import { Tensor } from "@denoise/core";
 *
 * const encoder = await Mistral3ForConditionalGeneration.fromPretrained(
 *   "black-forest-labs/FLUX.2-dev",
 *   { subfolder: "text_encoder" },
 * );
 * const ids = Tensor.from([[1, 17, 4568, 18]], undefined, "int64");
 * const states = await encoder.hiddenStates(ids, [10, 20, 30]); // without the last ten layers' work
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
import { check, type LlamaConfig, ministral3, mistral3, schema } from "./config.ts";

export type { LanguageModelMethods, LlamaConfig, RopeParameters };

/** A loaded LlamaModel: `forward(ids)` and `hiddenStates(ids, indices)`. */
export interface LlamaModel extends Model<LlamaConfig>, LanguageModelMethods {}

/** The layers of both classes. */
const graphs = {
  forward: decoderGraph<LlamaConfig>((config) => ({
    headWidth: config.head_dim ?? config.hidden_size / config.num_attention_heads,
    bias: config.attention_bias,
    outBias: config.attention_bias,
    normalized: false,
    window: () => config.sliding_window ?? undefined,
  })),
};

/** A decoder language model as a text encoder; `LlamaModel` of transformers. */
export const LlamaModel: ModelClass<LlamaModel> = defineModel<LlamaConfig, LlamaModel>({
  className: "LlamaModel",
  aliases: ["LlamaForCausalLM"],
  library: "transformers",
  schema,
  check: (config) => check("LlamaModel", config),
  rename: (stored) => stored.replace(/^model\./, ""),
  ignore: [/^lm_head\./, /rotary_emb\.inv_freq$/],
  graphs,
  methods: languageModelMethods,
});

/** A loaded Mistral3ForConditionalGeneration: `forward(ids)` and `hiddenStates(ids, indices)`. */
export interface Mistral3ForConditionalGeneration
  extends Model<LlamaConfig>, LanguageModelMethods {}

/**
 * The part of Mistral 3 that reads texts, as a text encoder; `Mistral3ForConditionalGeneration` of transformers.
 * Images are not read: the weights that do are passed over.
 */
export const Mistral3ForConditionalGeneration: ModelClass<Mistral3ForConditionalGeneration> =
  defineModel<LlamaConfig, Mistral3ForConditionalGeneration>({
    className: "Mistral3ForConditionalGeneration",
    aliases: ["Mistral3Model"],
    library: "transformers",
    schema: mistral3,
    adapt(config) {
      const text = nestedConfig(config, "text_config");
      const own = text["model_type"] === "ministral3" ? ministral3 : {};
      const rope = text["rope_parameters"] ?? own["rope_parameters"] ?? null;
      return { ...own, ...config, ...text, rope_parameters: rope };
    },
    check: (config) => check("Mistral3ForConditionalGeneration", config),
    rename: (stored) => stored.replace(/^(model\.)?language_model\.(model\.)?/, ""),
    ignore: [
      /(^|\.)lm_head\./,
      /^(model\.)?(vision_tower|multi_modal_projector)\./,
      /rotary_emb\.inv_freq$/,
    ],
    graphs,
    methods: languageModelMethods,
  });

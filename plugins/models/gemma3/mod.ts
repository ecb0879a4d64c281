/**
 * Gemma3TextModel: the decoder language model Gemma 3 (Gemma Team, 2025, arXiv:2503.19786) as a text encoder, and
 * the part of Gemma3ForConditionalGeneration that reads texts; classes of transformers. Weights of a
 * Gemma3ForCausalLM are taken without its `lm_head`: no text is generated.
 *
 * Five of six layers slide: they attend to the last tokens, with shorter waves of their own; queries and keys are
 * normalized. `attn_logit_softcapping` is without effect, as in the reference.
 *
 * Not covered: images, attention in both directions, caches of keys and values.
 *
 * @example
 * ```ts ignore
 * import { Gemma3ForConditionalGeneration } from "@denoise/denoise";
 * import { Tensor } from "@denoise/core";
 *
 * const encoder = await Gemma3ForConditionalGeneration.fromPretrained("google/gemma-3-4b-it");
 * const ids = Tensor.from([[2, 236776, 3548, 8101]], undefined, "int64");
 * const { lastHiddenState } = await encoder.forward(ids);
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
import { adapt, check, type Gemma3Config, schema, slides } from "./config.ts";

export type { Gemma3Config, LanguageModelMethods, RopeParameters };

/** A loaded Gemma3TextModel: `forward(ids)` and `hiddenStates(ids, indices)`. */
export interface Gemma3TextModel extends Model<Gemma3Config>, LanguageModelMethods {}

/** The layers of both classes. */
const graphs = {
  forward: decoderGraph<Gemma3Config>((config) => ({
    headWidth: config.head_dim,
    bias: config.attention_bias,
    outBias: config.attention_bias,
    normalized: true,
    gemma: {
      embeddingScale: Math.fround(Math.sqrt(config.hidden_size)),
      scoreScale: config.query_pre_attn_scalar ** -0.5,
      softCap: null,
    },
    window: (layer) => slides(config, layer) ? config.sliding_window ?? undefined : undefined,
    ownTheta: (layer) => slides(config, layer) ? config.rope_local_base_freq : undefined,
  })),
};

/** What both classes have in common. */
const common = { library: "transformers", schema, graphs, methods: languageModelMethods } as const;

/** A decoder language model as a text encoder; `Gemma3TextModel` of transformers. */
export const Gemma3TextModel: ModelClass<Gemma3TextModel> = defineModel<
  Gemma3Config,
  Gemma3TextModel
>({
  ...common,
  className: "Gemma3TextModel",
  aliases: ["Gemma3ForCausalLM"],
  adapt: (config) => adapt("Gemma3TextModel", config),
  check: (config) => check("Gemma3TextModel", config),
  rename: (stored) => stored.replace(/^model\./, ""),
  ignore: [/^lm_head\./, /rotary_emb\.inv_freq$/],
});

/** A loaded Gemma3ForConditionalGeneration: `forward(ids)` and `hiddenStates(ids, indices)`. */
export interface Gemma3ForConditionalGeneration extends Model<Gemma3Config>, LanguageModelMethods {}

/**
 * The part of Gemma 3 that reads texts, as a text encoder; `Gemma3ForConditionalGeneration` of transformers. Images
 * are not read: the weights that do are passed over.
 */
export const Gemma3ForConditionalGeneration: ModelClass<Gemma3ForConditionalGeneration> =
  defineModel<Gemma3Config, Gemma3ForConditionalGeneration>({
    ...common,
    className: "Gemma3ForConditionalGeneration",
    aliases: ["Gemma3Model"],
    adapt: (config) => adapt("Gemma3ForConditionalGeneration", config),
    check: (config) => check("Gemma3ForConditionalGeneration", config),
    rename: (stored) => stored.replace(/^(model\.)?language_model\.(model\.)?/, ""),
    ignore: [
      /(^|\.)lm_head\./,
      /^(model\.)?(vision_tower|multi_modal_projector)\./,
      /rotary_emb\.inv_freq$/,
    ],
  });

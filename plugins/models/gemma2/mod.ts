/**
 * Gemma2Model: the decoder language model (Gemma Team, 2024, arXiv:2408.00118) that Sana and Lumina 2 read
 * prompts with; the class of transformers. Weights of a Gemma2ForCausalLM are taken without its `lm_head`: no
 * text is generated.
 *
 * Not covered: stretched positions (`rope_scaling`), attention in both directions, caches of keys and values.
 *
 * @example
 * ```ts ignore
 * import { Gemma2Model } from "@denoise/denoise";
 * import { Tensor } from "@denoise/core";
 *
 * const encoder = await Gemma2Model.fromPretrained(
 *   "Efficient-Large-Model/Sana_600M_1024px_diffusers",
 *   { subfolder: "text_encoder" },
 * );
 * const ids = Tensor.from([[2, 235250, 2118, 32071]], undefined, "int64");
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
import { check, type Gemma2Config, schema } from "./config.ts";

export type { Gemma2Config, LanguageModelMethods, RopeParameters };

/** A loaded Gemma2Model: `forward(ids)` and `hiddenStates(ids, indices)`. */
export interface Gemma2Model extends Model<Gemma2Config>, LanguageModelMethods {}

/** A decoder language model as a text encoder; `Gemma2Model` of transformers. */
export const Gemma2Model: ModelClass<Gemma2Model> = defineModel<Gemma2Config, Gemma2Model>({
  className: "Gemma2Model",
  aliases: ["Gemma2ForCausalLM"],
  library: "transformers",
  schema,
  check,
  adapt: (config) => ({ ...config, hidden_act: config.hidden_activation ?? "gelu_pytorch_tanh" }),
  rename: (stored) => stored.replace(/^model\./, ""),
  ignore: [/^lm_head\./, /rotary_emb\.inv_freq$/],
  graphs: {
    forward: decoderGraph((config) => {
      const { attention_bias: bias, layer_types, sliding_window } = config;
      // without a list every other layer slides, from the first on
      const slides = (layer: number) =>
        layer_types === null ? layer % 2 === 0 : layer_types[layer] === "sliding_attention";
      return {
        headWidth: config.head_dim,
        bias,
        outBias: bias,
        normalized: false,
        gemma: {
          embeddingScale: Math.fround(Math.sqrt(config.hidden_size)),
          scoreScale: config.query_pre_attn_scalar ** -0.5,
          softCap: config.attn_logit_softcapping,
        },
        window: (layer) => slides(layer) ? sliding_window ?? undefined : undefined,
      };
    }),
  },
  methods: languageModelMethods,
});

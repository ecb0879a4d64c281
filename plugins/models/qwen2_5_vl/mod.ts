/**
 * Qwen2_5_VLForConditionalGeneration: the decoder language model (Bai et al., 2025, arXiv:2502.13923) that
 * Qwen-Image reads prompts with; the class of transformers. Its `lm_head` is left out: no text is generated.
 *
 * Not covered: images and videos (`visual`), sliding windows, stretched positions, caches of keys and values.
 *
 * @example
 * ```ts ignore
 * import { Qwen2_5_VLForConditionalGeneration } from "@denoise/denoise";
 * import { Tensor } from "@denoise/core";
 *
 * const encoder = await Qwen2_5_VLForConditionalGeneration.fromPretrained("Qwen/Qwen-Image", {
 *   subfolder: "text_encoder",
 * });
 * const ids = Tensor.from([[9707, 11, 1879]], undefined, "int64");
 * const [state] = await encoder.hiddenStates(ids, [-1]);
 * ```
 *
 * @module
 */
import type { Model, ModelClass } from "@denoise/core";
import {
  defineModel,
  hiddenStateName,
  int64,
  type LanguageModelMethods,
  languageModelMethods,
  nestedConfig,
  optional,
  type RopeParameters,
} from "@denoise/onnx";
import { decoderStates } from "@denoise/onnx/blocks";
import { check, type Qwen2_5_VLConfig, schema } from "./config.ts";

export type { LanguageModelMethods, Qwen2_5_VLConfig, RopeParameters };

/** A loaded Qwen2_5_VLForConditionalGeneration: `forward(ids)` and `hiddenStates(ids, indices)`. */
export interface Qwen2_5_VLForConditionalGeneration
  extends Model<Qwen2_5_VLConfig>, LanguageModelMethods {}

/** A decoder language model as a text encoder; `Qwen2_5_VLForConditionalGeneration` of transformers. */
export const Qwen2_5_VLForConditionalGeneration: ModelClass<Qwen2_5_VLForConditionalGeneration> =
  defineModel<Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration>({
    className: "Qwen2_5_VLForConditionalGeneration",
    library: "transformers",
    schema,
    check,
    adapt: (config) => nestedConfig(config, "text_config"),
    rename: (stored) => stored.replace(/^model\.(visual\.)?(language_model\.)?/, "$1"),
    ignore: [/^lm_head\./, /^visual\./, /rotary_emb\.inv_freq$/],
    graphs: {
      forward: {
        cut: true,
        inputs: () => ({
          input_ids: int64("batch", "tokens"),
          attention_mask: optional(int64("batch", "tokens")),
        }),
        build(s, config, { input_ids, attention_mask }) {
          const { num_attention_heads: heads, rope_parameters } = config;
          const states = decoderStates(s, input_ids!, attention_mask, {
            layers: config.num_hidden_layers,
            heads,
            keyHeads: config.num_key_value_heads ?? heads,
            headWidth: config.hidden_size / heads,
            theta: rope_parameters?.rope_theta ?? config.rope_theta,
            eps: config.rms_norm_eps,
            activation: config.hidden_act,
            bias: true,
            outBias: false,
            normalized: false,
          });
          return Object.fromEntries(states.map((state, i) => [hiddenStateName(i), state]));
        },
      },
    },
    methods: languageModelMethods,
  });

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
import type { ModelClass, Tensor } from "@denoise/core";
import type {
  HiddenStatesOptions,
  LanguageModel,
  TextEncoderOptions,
  TextEncoderOutput,
} from "@denoise/roles";
import { defineModel, int64, optional } from "@denoise/onnx";
import { decoderStates } from "@denoise/onnx/blocks";
import { check, type Qwen3Config, type RopeParameters, schema } from "./config.ts";

export type { HiddenStatesOptions, Qwen3Config, RopeParameters };

/** What a Qwen3Model gives. */
export type Qwen3Output = Pick<TextEncoderOutput, "lastHiddenState" | "hiddenStates">;

/** A loaded Qwen3Model. */
export interface Qwen3Model extends LanguageModel<Qwen3Config> {
  /**
   * States of each token: `lastHiddenState` float32 [N, tokens, hidden_size] after the final norm; with
   * `outputHiddenStates` also the states before each layer, and the normalized last ones.
   *
   * @param inputIds int64 [N, tokens].
   */
  forward(
    inputIds: Tensor,
    options?: Pick<TextEncoderOptions, "attentionMask" | "outputHiddenStates">,
  ): Promise<Qwen3Output>;
  /**
   * Some of the hidden states alone, float32 [N, tokens, hidden_size] each: layers after the last one that
   * is asked for are neither loaded nor run.
   *
   * @param inputIds int64 [N, tokens].
   * @param indices Which of the num_hidden_layers + 1 states; negative ones count from the end.
   * @throws {RangeError} for a state that there is not.
   */
  hiddenStates(
    inputIds: Tensor,
    indices: readonly number[],
    options?: HiddenStatesOptions,
  ): Promise<Tensor[]>;
}

const nameOf = (index: number): string => `hidden_state_${index}`;

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
    forward: {
      cut: true,
      inputs: () => ({
        input_ids: int64("batch", "tokens"),
        attention_mask: optional(int64("batch", "tokens")),
      }),
      build(s, config, { input_ids, attention_mask }) {
        const { num_attention_heads: heads, rope_parameters, attention_bias: bias } = config;
        const states = decoderStates(s, input_ids!, attention_mask, {
          layers: config.num_hidden_layers,
          heads,
          keyHeads: config.num_key_value_heads ?? heads,
          headWidth: config.head_dim,
          theta: rope_parameters?.rope_theta ?? config.rope_theta,
          eps: config.rms_norm_eps,
          activation: config.hidden_act,
          bias,
          outBias: bias,
          normalized: true,
        });
        return Object.fromEntries(states.map((state, i) => [nameOf(i), state]));
      },
    },
  },
  methods: (model) => {
    const count = model.config.num_hidden_layers + 1;
    const run: Qwen3Model["hiddenStates"] = async (inputIds, indices, options = {}) => {
      const names = indices.map((index) => nameOf(stateIndex(index, count)));
      const result = await model.run("forward", {
        input_ids: inputIds,
        attention_mask: options.attentionMask,
      }, { outputs: [...new Set(names)], signal: options.signal });
      return names.map((name) => result[name]!);
    };
    return {
      async forward(inputIds, { attentionMask, outputHiddenStates = false } = {}) {
        const indices = outputHiddenStates ? [...Array(count).keys()] : [count - 1];
        const states = await run(inputIds, indices, { attentionMask });
        return {
          lastHiddenState: states.at(-1)!,
          hiddenStates: outputHiddenStates ? states : undefined,
        };
      },
      hiddenStates: run,
    };
  },
});

function stateIndex(index: number, count: number): number {
  if (Number.isInteger(index) && index >= -count && index < count) {
    return index < 0 ? index + count : index;
  }
  throw new RangeError(
    `Cannot give hidden state ${index}: it must be an integer from ${-count} to ${count - 1}`,
  );
}

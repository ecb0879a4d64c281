/**
 * ChatGLMModel: the language model ChatGLM3 (GLM team, 2024, arXiv:2406.12793) with which Kolors reads prompts in Chinese and
 * English; the class of diffusers. Queries share keys and values in groups, half of a head's channels are turned by the
 * positions, and tokens that fill rows up see all others, as in diffusers. Its `output_layer` is not read: no text is generated.
 *
 * Not covered: learned prefixes (`pre_seq_len`), weights of 4 and 8 bits of its own (`quantization_bit`), caches of keys and values.
 *
 * @example
 * ```ts ignore
 * import { ChatGLMModel } from "@denoise/denoise";
 * import { Tensor } from "@denoise/core";
 *
 * const encoder = await ChatGLMModel.fromPretrained("Kwai-Kolors/Kolors-diffusers", {
 *   subfolder: "text_encoder",
 * });
 * const ids = Tensor.from([[64790, 64792, 30910, 9907]], undefined, "int64");
 * const [states] = await encoder.hiddenStates(ids, [-2]); // without the last layer's work
 * ```
 *
 * @module
 */
import type { Model, ModelClass, Tensor } from "@denoise/core";
import {
  checkTokenCount,
  defineModel,
  type HiddenStatesCall,
  runHiddenStates,
} from "@denoise/onnx";
import { type ChatGLMConfig, check, schema } from "./config.ts";
import { forward } from "./graph.ts";

export type { ChatGLMConfig };

/** A loaded ChatGLMModel: `hiddenStates(ids, indices)`. */
export interface ChatGLMModel extends Model<ChatGLMConfig> {
  /**
   * Some of the hidden states alone, float32 [N, tokens, hidden_size] each: 0 are the embeddings, -1 those of the last
   * layer. Layers after the last one that is asked for are neither loaded nor run.
   *
   * @param inputIds int64 [N, tokens].
   * @param options.positionIds int64 [N, tokens], or [tokens] for all rows alike.
   * @throws {RangeError} for a state that there is not, for more tokens than positions, and for positions outside of these.
   */
  hiddenStates(
    inputIds: Tensor,
    indices: readonly number[],
    options?: HiddenStatesCall,
  ): Promise<Tensor[]>;
}

/** The text encoder of Kolors; `ChatGLMModel` of diffusers. */
export const ChatGLMModel: ModelClass<ChatGLMModel> = defineModel<ChatGLMConfig, ChatGLMModel>({
  className: "ChatGLMModel",
  library: "kolors",
  schema,
  check,
  rename: (stored) => stored.replace(/^transformer\./, ""),
  ignore: [/^output_layer\./, /^rotary_pos_emb\.inv_freq$/],
  graphs: { forward },
  methods: (model) => ({
    async hiddenStates(inputIds, indices, options = {}) {
      const { num_layers: layers, seq_length: limit } = model.config;
      checkTokenCount(inputIds.dims[1]!, limit);
      const { attentionMask, positionIds } = options;
      const inputs = {
        input_ids: inputIds,
        attention_mask: attentionMask,
        places: positionIds && placesOf(positionIds, inputIds.dims, limit),
      };
      return await runHiddenStates(
        { run: model.run.bind(model), config: { num_hidden_layers: layers } },
        indices,
        inputs,
        options,
      );
    },
  }),
});

/** Positions of each row. */
function placesOf(positionIds: Tensor, dims: readonly number[], limit: number): Tensor {
  const [count = 0, tokens = 0] = dims;
  const isShared = positionIds.dims.length === 1 && positionIds.dims[0] === tokens;
  if (!isShared && String(positionIds.dims) !== String(dims)) {
    throw new TypeError(
      `Cannot place tokens [${dims}] at positionIds [${positionIds.dims}]: there must be one for each, or ` +
        `[${tokens}] for all rows`,
    );
  }
  const outside = Array.from(positionIds.data, Number).find((at) => at < 0 || at >= limit);
  if (outside !== undefined) {
    throw new RangeError(
      `Cannot place a token at ${outside}: positionIds must be from 0 to ${limit - 1} (seq_length)`,
    );
  }
  return isShared ? positionIds.unsqueeze(0).repeat([count, 1]) : positionIds;
}

/**
 * MultilingualCLIP: the text encoder of Kandinsky 2.1. Carlsson et al., "Cross-lingual and Multilingual CLIP"
 * (LREC 2022): XLM-RoBERTa (Conneau et al., arXiv:1911.02116), whose mean state is projected to where CLIP has
 * its images; a class of diffusers in the form of those of transformers.
 *
 * Not covered: `position_ids`, `token_type_ids` and `inputs_embeds` of one's own.
 *
 * @example
 * ```ts ignore
 * import { MultilingualCLIP, XLMRobertaTokenizer } from "@denoise/denoise";
 *
 * const repo = "kandinsky-community/kandinsky-2-1";
 * const tokenizer = await XLMRobertaTokenizer.fromPretrained(repo, { subfolder: "tokenizer" });
 * const encoder = await MultilingualCLIP.fromPretrained(repo, { subfolder: "text_encoder" });
 * const { inputIds, attentionMask } = tokenizer.encode("красная кошка");
 * const { textEmbeds } = await encoder.forward(inputIds, { attentionMask }); // [1, 768]
 * ```
 *
 * @module
 */
import { type ConfigSchema, float, type Model, type ModelClass, Tensor } from "@denoise/core";
import { checkTokenCount, defineModel, type GraphDefinition, int64 } from "@denoise/onnx";
import { robertaEncoder } from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import { div, linear, mean, mul, unsqueeze } from "@denoise/onnx/nn";

/** Options of a MultilingualCLIP, as they stand in config.json. */
export interface MultilingualCLIPConfig {
  /** How many tokens there are. */
  readonly vocab_size: number;
  /** Width of the states. */
  readonly hidden_size: number;
  /** How many layers. */
  readonly num_hidden_layers: number;
  /** How many heads. */
  readonly num_attention_heads: number;
  /** Width inside the feed-forward layers. */
  readonly intermediate_size: number;
  /** Activation of these. */
  readonly hidden_act: string;
  /** Places that tokens may have; those up to that of padding are left free. */
  readonly max_position_embeddings: number;
  /** How many kinds of tokens there are. */
  readonly type_vocab_size: number;
  /** Added to variances. */
  readonly layer_norm_eps: number;
  /** The token that fills rows up. */
  readonly pad_token_id: number;
  /** Width of what is projected: `hidden_size`. */
  readonly transformerDimensions: number;
  /** Width of the text's vector. */
  readonly numDims: number;
}

const schema: ConfigSchema<MultilingualCLIPConfig> = {
  vocab_size: 30522,
  hidden_size: 768,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  intermediate_size: 3072,
  hidden_act: "gelu",
  max_position_embeddings: 512,
  type_vocab_size: 2,
  layer_norm_eps: float(1e-12),
  pad_token_id: 1,
  transformerDimensions: 1024,
  numDims: 768,
};

/** What a MultilingualCLIP gives. */
export interface MultilingualCLIPOutput {
  /** The vectors of the texts, float32 [N, numDims]. */
  readonly textEmbeds: Tensor;
  /** The states of the tokens, float32 [N, tokens, hidden_size]. */
  readonly lastHiddenState: Tensor;
}

/** A loaded MultilingualCLIP: `forward(inputIds, { attentionMask })`. */
export interface MultilingualCLIP extends Model<MultilingualCLIPConfig> {
  /**
   * The vectors of texts, and the states of their tokens.
   *
   * @param inputIds int64 [N, tokens].
   * @param options.attentionMask int64 [N, tokens], 1 where a token counts; all do by default.
   * @throws {RangeError} for more tokens than the model has places for.
   */
  forward(
    inputIds: Tensor,
    options?: { readonly attentionMask?: Tensor | undefined },
  ): Promise<MultilingualCLIPOutput>;
}

const forward: GraphDefinition<MultilingualCLIPConfig> = {
  inputs: () => ({
    input_ids: int64("batch", "tokens"),
    attention_mask: int64("batch", "tokens"),
  }),
  build(s, config, { input_ids, attention_mask }) {
    const states = robertaEncoder(s.at("transformer"), config, input_ids!, attention_mask);
    const last = states.at(-1)!;
    return {
      last_hidden_state: s.op("Identity", [last]),
      text_embeds: linear(s.at("LinearTransformation"), meanState(s, last, attention_mask!)),
    };
  },
};

/** The mean of the states that count: [N, width]. */
function meanState(s: Scope, states: Value, mask: Value): Value {
  const counts = unsqueeze(s, s.cast(mask, "float32"), [2]); // [N, tokens, 1]
  const masked = mean(s, mul(s, s.cast(states, "float32"), counts), [1], false);
  return s.cast(div(s, masked, mean(s, counts, [1], false)));
}

/** The text encoder of Kandinsky 2.1; `MultilingualCLIP` of diffusers. */
export const MultilingualCLIP: ModelClass<MultilingualCLIP> = defineModel<
  MultilingualCLIPConfig,
  MultilingualCLIP
>({
  className: "MultilingualCLIP",
  library: "kandinsky",
  schema,
  // what XLM-RoBERTa would pool of its first token
  ignore: [/^transformer\.pooler\./, /embeddings\.(position|token_type)_ids$/],
  graphs: { forward },
  methods: (model) => ({
    async forward(inputIds, { attentionMask } = {}) {
      const { max_position_embeddings, pad_token_id } = model.config;
      checkTokenCount(inputIds.dims[1]!, max_position_embeddings - pad_token_id - 1);
      const { last_hidden_state, text_embeds } = await model.run("forward", {
        input_ids: inputIds,
        attention_mask: attentionMask ?? Tensor.ones(inputIds.dims, "int64"),
      });
      return { textEmbeds: text_embeds!, lastHiddenState: last_hidden_state! };
    },
  }),
});

/**
 * LDMBertModel: the text encoder of the first latent diffusion models (CompVis/ldm-text2im-large-256),
 * a transformer that was trained with them. Rombach et al. (arXiv:2112.10752), section 4.3.1; a class
 * of diffusers in the form of those of transformers.
 *
 * Not covered: attention weights as an output.
 *
 * @example
 * ```ts ignore
 * import { LDMBertModel, Tensor } from "@denoise/denoise";
 *
 * const encoder = await LDMBertModel.fromPretrained("CompVis/ldm-text2im-large-256", {
 *   subfolder: "bert",
 * });
 * const ids = Tensor.from([[101, 1037, 4937, 102]], undefined, "int64");
 * const { lastHiddenState } = await encoder.forward(ids);
 * ```
 *
 * @module
 */
import {
  type ConfigSchema,
  maybe,
  type Model,
  type ModelClass,
  number,
  type Tensor,
} from "@denoise/core";
import {
  checkTokenCount,
  defineModel,
  float32,
  type GraphDefinition,
  int64,
  optional,
  type Port,
} from "@denoise/onnx";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  activation,
  add,
  attention,
  embedding,
  layerNorm,
  linear,
  maskBias,
  mul,
  reshape,
  shapeOf,
  slice,
  unsqueeze,
} from "@denoise/onnx/nn";

/** Options of an LDMBertModel, as they stand in config.json. */
export interface LDMBertConfig {
  /** Entries of the vocabulary. */
  readonly vocab_size: number;
  /** The longest row of tokens. */
  readonly max_position_embeddings: number;
  /** Number of layers. */
  readonly encoder_layers: number;
  /** Width inside the feed forward layers. */
  readonly encoder_ffn_dim: number;
  /** Attention heads of a layer. */
  readonly encoder_attention_heads: number;
  /** Width of a head. */
  readonly head_dim: number;
  /** Activation between the two linear layers. */
  readonly activation_function: string;
  /** Width of the states. */
  readonly d_model: number;
  /** The token that fills rows up. */
  readonly pad_token_id: number | null;
}

const schema: ConfigSchema<LDMBertConfig> = {
  vocab_size: 30522,
  max_position_embeddings: 77,
  encoder_layers: 32,
  encoder_ffn_dim: 5120,
  encoder_attention_heads: 8,
  head_dim: 64,
  activation_function: "gelu",
  d_model: 1280,
  pad_token_id: maybe(number, 0),
};

/** What a call may be given beside the tokens. */
export interface LDMBertOptions {
  /** int64 [N, tokens], 1 where a token counts; all do by default. */
  readonly attentionMask?: Tensor | undefined;
  /** Places of the tokens, int64 [N or 1, tokens]; 0, 1, ... by default. */
  readonly positionIds?: Tensor | undefined;
  /** Factor of each attention head, float32 [layers, heads]. */
  readonly headMask?: Tensor | undefined;
  /** Embedded tokens in the place of their ids, float32 [N, tokens, width]. */
  readonly inputsEmbeds?: Tensor | undefined;
  /** Give the states before each layer and the last one too. */
  readonly outputHiddenStates?: boolean | undefined;
}

/** What a call gives. */
export interface LDMBertOutput {
  /** float32 [N, tokens, width], after the last normalization. */
  readonly lastHiddenState: Tensor;
  /** The states before each layer, then `lastHiddenState`, if asked for. */
  readonly hiddenStates?: readonly Tensor[] | undefined;
}

/** A loaded LDMBertModel: `forward(inputIds)`. */
export interface LDMBertModel extends Model<LDMBertConfig> {
  /**
   * States of each token.
   *
   * @param inputIds int64 [N, tokens]; undefined with `inputsEmbeds`.
   * @throws {TypeError} for both or neither of ids and embedded tokens.
   * @throws {RangeError} for more tokens than the model has places for.
   */
  forward(inputIds: Tensor | undefined, options?: LDMBertOptions): Promise<LDMBertOutput>;
}

/** What the layers have in common. */
interface Shared {
  readonly config: LDMBertConfig;
  /** [N, 1, 1, tokens]. */
  readonly keyBias: Value | undefined;
  /** [layers, heads]. */
  readonly headMask: Value | undefined;
}

/** Attention whose heads may be wider than the states together, each multiplied with its factor. */
function selfAttention(
  s: Scope,
  x: Value,
  i: number,
  { config, keyBias, headMask }: Shared,
): Value {
  const [query, key, value] = ["q_proj", "k_proj", "v_proj"].map((name) =>
    linear(s.at(name), x, { bias: false })
  ) as [Value, Value, Value];
  const heads = config.encoder_attention_heads;
  let seen = attention(s, { query, key, value }, { heads, keyBias }); // [N, tokens, heads·width]
  if (headMask !== undefined) {
    const factors = reshape(s, slice(s, headMask, 0, i, i + 1), [1, 1, heads, 1]);
    const apart = reshape(s, seen, [0, 0, heads, config.head_dim]);
    seen = reshape(s, mul(s, apart, factors), [0, 0, heads * config.head_dim]);
  }
  return linear(s.at("out_proj"), seen);
}

/** Self-attention and feed forward, each after a normalization and added (`LDMBertEncoderLayer`). */
function layer(s: Scope, x: Value, i: number, shared: Shared): Value {
  const normal = layerNorm(s.at("self_attn_layer_norm"), x);
  const h = add(s, x, selfAttention(s.at("self_attn"), normal, i, shared));
  const inner = linear(s.at("fc1"), layerNorm(s.at("final_layer_norm"), h));
  const hidden = activation(s, inner, shared.config.activation_function);
  return add(s, h, linear(s.at("fc2"), hidden));
}

/** The embeddings of places, given or 0, 1, ...: [N or 1, tokens, width]. */
function places(s: Scope, tokens: Value, positionIds: Value | undefined): Value {
  if (positionIds !== undefined) return embedding(s, positionIds);
  const count = shapeOf(s, tokens, 1, 2);
  const rows = s.op("Slice", [s.tensor("weight"), s.ints([0]), count, s.ints([0])]);
  return unsqueeze(s, rows, [0]);
}

/** Inputs that both graphs may be given. */
function options(config: LDMBertConfig): Record<string, Port> {
  return {
    attention_mask: optional(int64("batch", "tokens")),
    position_ids: optional(int64("rows", "tokens")),
    head_mask: optional(float32(config.encoder_layers, config.encoder_attention_heads)),
  };
}

/** Embedded tokens [N, tokens, width] to the states of every layer and the normalized last one. */
function encode(
  s: Scope,
  config: LDMBertConfig,
  tokens: Value,
  inputs: Readonly<Record<string, Value>>,
): Record<string, Value> {
  const { attention_mask: mask, position_ids, head_mask: headMask } = inputs;
  const keyBias = mask && maskBias(s, mask);
  const states = [add(s, tokens, places(s.at("embed_positions"), tokens, position_ids))];
  for (let i = 0; i < config.encoder_layers; i++) {
    states.push(layer(s.at("layers", i), states.at(-1)!, i, { config, keyBias, headMask }));
  }
  return {
    last_hidden_state: layerNorm(s.at("layer_norm"), states.at(-1)!),
    ...Object.fromEntries(states.slice(0, -1).map((state, i) => [`hidden_state_${i}`, state])),
  };
}

const forward: GraphDefinition<LDMBertConfig> = {
  inputs: (config) => ({ input_ids: int64("batch", "tokens"), ...options(config) }),
  build(root, config, inputs) {
    const s = root.at("model");
    return encode(s, config, embedding(s.at("embed_tokens"), inputs.input_ids!), inputs);
  },
};

const forwardEmbedded: GraphDefinition<LDMBertConfig> = {
  inputs: (config) => ({
    inputs_embeds: float32("batch", "tokens", config.d_model),
    ...options(config),
  }),
  build: (s, config, inputs) => encode(s.at("model"), config, inputs.inputs_embeds!, inputs),
};

/** The text encoder of the first latent diffusion models; `LDMBertModel` of diffusers. */
export const LDMBertModel: ModelClass<LDMBertModel> = defineModel<LDMBertConfig, LDMBertModel>({
  className: "LDMBertModel",
  library: "latent_diffusion",
  schema,
  idle: () => ["to_logits.weight", "to_logits.bias"],
  graphs: { forward, forwardEmbedded },
  methods: (model) => ({
    async forward(inputIds, options = {}) {
      const { inputsEmbeds, outputHiddenStates = false } = options;
      checkTokens(inputIds, inputsEmbeds, model.config.max_position_embeddings);
      const names = outputHiddenStates
        ? Array.from({ length: model.config.encoder_layers }, (_, i) => `hidden_state_${i}`)
        : [];
      const result = await model.run(inputIds === undefined ? "forwardEmbedded" : "forward", {
        input_ids: inputIds,
        inputs_embeds: inputsEmbeds,
        attention_mask: options.attentionMask,
        position_ids: options.positionIds,
        head_mask: options.headMask,
      }, { outputs: ["last_hidden_state", ...names] });
      const lastHiddenState = result.last_hidden_state!;
      const before = names.map((name) => result[name]!);
      return {
        lastHiddenState,
        hiddenStates: outputHiddenStates ? [...before, lastHiddenState] : undefined,
      };
    },
  }),
});

function checkTokens(ids: Tensor | undefined, embeds: Tensor | undefined, limit: number): void {
  if ((ids === undefined) === (embeds === undefined)) {
    throw new TypeError(
      "Cannot encode: give either inputIds or inputsEmbeds, and " +
        (ids === undefined ? "not neither" : "not both"),
    );
  }
  checkTokenCount((ids ?? embeds)!.dims[1]!, limit);
}

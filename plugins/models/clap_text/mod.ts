/**
 * ClapTextModelWithProjection: the text encoder of CLAP (Wu et al., 2023, arXiv:2211.06687), by which AudioLDM
 * is conditioned: RoBERTa (Liu et al., 2019, arXiv:1907.11692) and two linear layers; the class of transformers.
 * A checkpoint of the whole of CLAP, and so ClapModel, is taken without its audio encoder.
 *
 * Not covered: `position_ids`, `token_type_ids` and `inputs_embeds` of one's own.
 *
 * @example
 * ```ts ignore
 * import { ClapTextModelWithProjection, RobertaTokenizer } from "@denoise/denoise";
 *
 * const repo = "cvssp/audioldm-s-full-v2";
 * const tokenizer = await RobertaTokenizer.fromPretrained(repo, { subfolder: "tokenizer" });
 * const encoder = await ClapTextModelWithProjection.fromPretrained(repo, { subfolder: "text_encoder" });
 * const { inputIds, attentionMask } = tokenizer.encode("a dog barks");
 * const { textEmbeds } = await encoder.forward(inputIds, { attentionMask }); // [1, 512]
 * ```
 *
 * @module
 */
import {
  type ConfigSchema,
  float,
  type FrozenConfig,
  type ModelClass,
  type Tensor,
} from "@denoise/core";
import type { TextEncoder, TextEncoderOutput } from "@denoise/roles";
import {
  checkTokenCount,
  defineModel,
  int64,
  nestedConfig,
  optional,
  type Runner,
} from "@denoise/onnx";
import { robertaEncoder } from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import { activation, linear, slice, squeeze, tanh } from "@denoise/onnx/nn";

/** Options of a CLAP text encoder, as they stand in config.json. */
export interface ClapTextConfig {
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
  /** Width of the text's vector. */
  readonly projection_dim: number;
  /** The token that fills rows up. */
  readonly pad_token_id: number;
  /** Activation between the layers of the projection. */
  readonly projection_hidden_act: string;
}

const schema: ConfigSchema<ClapTextConfig> = {
  vocab_size: 50265,
  hidden_size: 768,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  intermediate_size: 3072,
  hidden_act: "gelu",
  max_position_embeddings: 514,
  type_vocab_size: 1,
  layer_norm_eps: float(1e-12),
  projection_dim: 512,
  pad_token_id: 1,
  projection_hidden_act: "relu",
};

type Config = FrozenConfig<ClapTextConfig>;

/** A loaded ClapTextModelWithProjection: its `textEmbeds` are float32 [N, projection_dim]. */
export type ClapTextModelWithProjection = TextEncoder<ClapTextConfig>;

/** What both classes have alike. */
const definition = {
  library: "transformers",
  schema,
  ignore: [/embeddings\.(position|token_type)_ids$/, /^audio_/, /^logit_scale_/],
  graphs: {
    forward: {
      inputs: () => ({
        input_ids: int64("batch", "tokens"),
        attention_mask: optional(int64("batch", "tokens")),
      }),
      build,
    },
  },
  methods: (model: Runner<ClapTextConfig>) => ({
    forward: (ids: Tensor, options?: Parameters<TextEncoder["forward"]>[1]) =>
      encode(model, ids, options),
  }),
} as const;

/** The text encoder of AudioLDM; `ClapTextModelWithProjection` of transformers. */
export const ClapTextModelWithProjection: ModelClass<ClapTextModelWithProjection> = defineModel<
  ClapTextConfig,
  ClapTextModelWithProjection
>({
  ...definition,
  className: "ClapTextModelWithProjection",
  adapt: (config) => nestedConfig(config, "text_config"),
});

/** A loaded ClapModel: its `textEmbeds` are float32 [N, projection_dim], not normalized. */
export type ClapModel = TextEncoder<ClapTextConfig>;

/**
 * The text encoder in the whole of CLAP, as MusicLDM and AudioLDM 2 have it; `ClapModel` of transformers,
 * without its audio encoder.
 */
export const ClapModel: ModelClass<ClapModel> = defineModel<ClapTextConfig, ClapModel>({
  ...definition,
  className: "ClapModel",
  adapt(config) {
    const { projection_dim = 512, projection_hidden_act = "relu" } = config;
    const text = nestedConfig(config, "text_config");
    return { ...config, ...text, projection_dim, projection_hidden_act };
  },
});

async function encode(
  model: Runner<ClapTextConfig>,
  inputIds: Tensor,
  options: Parameters<TextEncoder["forward"]>[1] = {},
): Promise<TextEncoderOutput> {
  const { num_hidden_layers: layers, max_position_embeddings, pad_token_id } = model.config;
  const { attentionMask, outputHiddenStates = false, clipSkip } = options;
  checkTokenCount(inputIds.dims[1]!, max_position_embeddings - pad_token_id - 1);
  if (clipSkip !== undefined) {
    throw new TypeError("Cannot skip layers of a ClapTextModelWithProjection: leave out clipSkip");
  }
  const names = outputHiddenStates
    ? Array.from({ length: layers + 1 }, (_, i) => `hidden_state_${i}`)
    : [];
  const result = await model.run("forward", {
    input_ids: inputIds,
    attention_mask: attentionMask,
  }, { outputs: ["last_hidden_state", "pooler_output", "text_embeds", ...names] });
  return {
    lastHiddenState: result.last_hidden_state!,
    poolerOutput: result.pooler_output!,
    textEmbeds: result.text_embeds!,
    hiddenStates: outputHiddenStates ? names.map((name) => result[name]!) : undefined,
  };
}

function build(
  s: Scope,
  config: Config,
  { input_ids, attention_mask }: Readonly<Record<string, Value>>,
) {
  const model = s.at("text_model");
  const states = robertaEncoder(model, config, input_ids!, attention_mask);
  const last = states.at(-1)!;
  const first = squeeze(s, slice(s, last, 1, 0, 1), [1]); // [N, width]
  const pooled = tanh(s, linear(model.at("pooler.dense"), first));
  const projection = s.at("text_projection");
  const wide = activation(
    s,
    linear(projection.at("linear1"), pooled),
    config.projection_hidden_act,
  );
  return {
    last_hidden_state: s.op("Identity", [last]),
    pooler_output: pooled,
    text_embeds: linear(projection.at("linear2"), wide),
    ...Object.fromEntries(states.map((state, i) => [`hidden_state_${i}`, state])),
  };
}

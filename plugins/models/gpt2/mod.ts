/**
 * GPT2Model: the language model that writes on what AudioLDM 2 knows of a text (Radford et al., 2019; the class of
 * transformers): layers of causal self-attention and feed forward on embeddings that are given, with learned
 * places. Words are neither read nor written: the tables of words are passed over.
 *
 * Not covered: `input_ids`, `add_cross_attention`, `reorder_and_upcast_attn` (which changes no float32), caches of
 * keys and values, and dropout, which is for training.
 *
 * @example
 * ```ts ignore
 * import { GPT2Model, randn } from "@denoise/denoise";
 *
 * const model = await GPT2Model.fromPretrained("cvssp/audioldm2", { subfolder: "language_model" });
 * const states = await model.forward(randn([1, 20, 768])); // [1, 20, 768]
 * ```
 *
 * @module
 */
import {
  boolean,
  type ConfigSchema,
  float,
  type FrozenConfig,
  maybe,
  type Model,
  type ModelClass,
  number,
  type Tensor,
} from "@denoise/core";
import { checkKnown, defineModel, float32, int64, optional, type Runner } from "@denoise/onnx";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  activation,
  add,
  attention,
  causalBias,
  layerNorm,
  maskBias,
  matMul,
  slice,
} from "@denoise/onnx/nn";

/** Options of a GPT2Model, as they stand in config.json. */
export interface GPT2Config {
  /** How many places there are. */
  readonly n_positions: number;
  /** Width of the states. */
  readonly n_embd: number;
  /** How many layers. */
  readonly n_layer: number;
  /** How many heads. */
  readonly n_head: number;
  /** Width inside the feed-forward layers; four times the states' when null. */
  readonly n_inner: number | null;
  /** Activation of these. */
  readonly activation_function: string;
  /** Added to variances. */
  readonly layer_norm_epsilon: number;
  /** Whether scores are divided by the root of a head's width. */
  readonly scale_attn_weights: boolean;
  /** Whether the scores of layer `i` are divided by i + 1 as well. */
  readonly scale_attn_by_inverse_layer_idx: boolean;
  /** Whether layers attend to another model's states, too. */
  readonly add_cross_attention: boolean;
  /** How many states AudioLDM 2 has written by default. */
  readonly max_new_tokens: number | null;
}

const schema: ConfigSchema<GPT2Config> = {
  n_positions: 1024,
  n_embd: 768,
  n_layer: 12,
  n_head: 12,
  n_inner: maybe(number),
  activation_function: "gelu_new",
  layer_norm_epsilon: float(1e-5),
  scale_attn_weights: true,
  scale_attn_by_inverse_layer_idx: false,
  add_cross_attention: boolean(false),
  max_new_tokens: maybe(number),
};

type Config = FrozenConfig<GPT2Config>;

/** A loaded GPT2Model. */
export interface GPT2Model extends Model<GPT2Config> {
  /**
   * The states of each embedding after the last layer's norm, float32 [N, tokens, n_embd].
   *
   * @param inputsEmbeds float32 [N, tokens, n_embd].
   * @throws {RangeError} for more tokens than there are places.
   */
  forward(
    inputsEmbeds: Tensor,
    options?: {
      /** int64 [N, tokens], 1 where a token counts. Defaults to all. */
      readonly attentionMask?: Tensor | undefined;
    },
  ): Promise<Tensor>;
}

const definition = {
  library: "transformers",
  schema,
  check: (config: GPT2Config) => checkKnown("GPT2Model", config, { add_cross_attention: [false] }),
  rename: (stored: string) => stored.replace(/^transformer\./, ""),
  ignore: [/^wte\./, /^lm_head\./, /\.attn\.(bias|masked_bias)$/],
  graphs: {
    forward: {
      inputs: (config: Config) => ({
        inputs_embeds: float32("batch", "tokens", config.n_embd),
        attention_mask: optional(int64("batch", "tokens")),
      }),
      build,
    },
  },
  methods: (model: Runner<GPT2Config>) => ({
    async forward(
      inputsEmbeds: Tensor,
      { attentionMask }: { readonly attentionMask?: Tensor | undefined } = {},
    ): Promise<Tensor> {
      const { n_positions: most } = model.config;
      const tokens = inputsEmbeds.dims[1]!;
      if (tokens > most) {
        throw new RangeError(`Cannot read ${tokens} tokens: the model has places for ${most}`);
      }
      const inputs = { inputs_embeds: inputsEmbeds, attention_mask: attentionMask };
      return (await model.run("forward", inputs)).last_hidden_state!;
    },
  }),
} as const;

/** The language model of AudioLDM 2; `GPT2Model` of transformers. */
export const GPT2Model: ModelClass<GPT2Model> = defineModel<GPT2Config, GPT2Model>({
  ...definition,
  className: "GPT2Model",
});

/** A loaded GPT2LMHeadModel, which gives the same states as a {@linkcode GPT2Model}. */
export type GPT2LMHeadModel = GPT2Model;

/** The same with a table of words at its end, which is passed over; `GPT2LMHeadModel` of transformers. */
export const GPT2LMHeadModel: ModelClass<GPT2LMHeadModel> = defineModel<
  GPT2Config,
  GPT2LMHeadModel
>({ ...definition, className: "GPT2LMHeadModel" });

/** A linear layer whose weight is stored as [inputs, outputs] (`Conv1D`). */
function conv1d(s: Scope, x: Value): Value {
  return add(s, matMul(s, x, s.tensor("weight")), s.tensor("bias"));
}

function build(
  s: Scope,
  config: Config,
  { inputs_embeds, attention_mask }: Readonly<Record<string, Value>>,
) {
  const bias = causalBias(s, inputs_embeds!);
  const keyBias = attention_mask && maskBias(s, attention_mask);
  const places = s.at("wpe").tensor("weight"); // [places, C]
  const count = s.op("Shape", [inputs_embeds!], { start: 1, end: 2 }, { dtype: "int64" });
  const own = s.op("Slice", [places, s.ints([0]), count, s.ints([0])]); // [tokens, C]
  let x = add(s, inputs_embeds!, own);
  for (let i = 0; i < config.n_layer; i++) {
    x = layer(s.at("h", i), x, config, { bias, keyBias, index: i });
  }
  return { last_hidden_state: layerNorm(s.at("ln_f"), x, { eps: config.layer_norm_epsilon }) };
}

/** What attention adds to its scores, and the place of a layer. */
interface LayerOptions {
  readonly bias: Value;
  readonly keyBias: Value | undefined;
  readonly index: number;
}

/** Normalized self-attention and feed forward, each added (`GPT2Block`). */
function layer(s: Scope, x: Value, config: Config, { bias, keyBias, index }: LayerOptions): Value {
  const { n_embd: width, n_head: heads, layer_norm_epsilon: eps } = config;
  const normal = layerNorm(s.at("ln_1"), x, { eps });
  const all = conv1d(s.at("attn.c_attn"), normal); // [N, tokens, 3·C]
  const part = (i: number) => slice(s, all, 2, i * width, (i + 1) * width);
  const scale = (config.scale_attn_weights ? 1 / Math.sqrt(width / heads) : 1) /
    (config.scale_attn_by_inverse_layer_idx ? index + 1 : 1);
  const inputs = { query: part(0), key: part(1), value: part(2) };
  const attended = attention(s, inputs, { heads, scale, bias, keyBias });
  const seen = add(s, x, conv1d(s.at("attn.c_proj"), attended));
  const wide = conv1d(s.at("mlp.c_fc"), layerNorm(s.at("ln_2"), seen, { eps }));
  return add(s, seen, conv1d(s.at("mlp.c_proj"), activation(s, wide, config.activation_function)));
}

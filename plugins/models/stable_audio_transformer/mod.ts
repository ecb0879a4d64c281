/**
 * StableAudioDiTModel: the denoiser of Stable Audio Open (Evans et al., 2024, arXiv:2407.14358), a
 * transformer over latents of a waveform: self-attention with rotary positions on half of each head
 * (arXiv:2104.09864), cross-attention to text and times whose heads share keys and values in groups
 * (arXiv:2305.13245), and a token before the latents that says time and length.
 *
 * Not covered: `attention_mask` and `encoder_attention_mask`, which no pipeline gives.
 *
 * @example
 * ```ts ignore
 * import { StableAudioDiTModel } from "@denoise/denoise";
 *
 * const transformer = await StableAudioDiTModel.fromPretrained(
 *   "stabilityai/stable-audio-open-1.0",
 *   { subfolder: "transformer" },
 * );
 * console.log(transformer.config.sample_size);
 * ```
 *
 * @module
 */
import type { ConfigSchema, FrozenConfig, Model, ModelClass, Tensor } from "@denoise/core";
import { defineModel, float32, optional, timesteps, timestepTensor } from "@denoise/onnx";
import { feedForward, fourierEmbedding, repeatHeads } from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  add,
  attention,
  concat,
  conv1d,
  layerNorm,
  linear,
  type Rotary,
  rotate,
  silu,
  slice,
  transpose,
  unsqueeze,
} from "@denoise/onnx/nn";

/** Options of a StableAudioDiTModel, as they stand in config.json. */
export interface StableAudioDiTConfig {
  /** How many latents it was trained for. */
  readonly sample_size: number;
  /** Channels of the latents. */
  readonly in_channels: number;
  /** How many blocks. */
  readonly num_layers: number;
  /** Width of a head. */
  readonly attention_head_dim: number;
  /** How many heads. */
  readonly num_attention_heads: number;
  /** How many heads of keys and values cross-attention has. */
  readonly num_key_value_attention_heads: number;
  /** Channels of the result. */
  readonly out_channels: number;
  /** Width of what cross-attention attends to. */
  readonly cross_attention_dim: number;
  /** Sines and cosines of the timestep. */
  readonly time_proj_dim: number;
  /** Width of the global states. */
  readonly global_states_input_dim: number;
  /** Width of the states of text and times. */
  readonly cross_attention_input_dim: number;
}

const schema: ConfigSchema<StableAudioDiTConfig> = {
  sample_size: 1024,
  in_channels: 64,
  num_layers: 24,
  attention_head_dim: 64,
  num_attention_heads: 24,
  num_key_value_attention_heads: 12,
  out_channels: 64,
  cross_attention_dim: 768,
  time_proj_dim: 256,
  global_states_input_dim: 1536,
  cross_attention_input_dim: 768,
};

/** Angles by which tokens are turned. */
export interface RotaryTables {
  /**
   * Their cosines, float32 [length + 1, attention_head_dim / 4], the global token's first: one for each pair of
   * channels in the first half of a head.
   */
  readonly cos: Tensor;
  /** Their sines, the same shape. */
  readonly sin: Tensor;
}

/** What a StableAudioDiTModel is given beside latents and timestep. */
export interface StableAudioDiTOptions {
  /** States of text and times, float32 [N, tokens, cross_attention_input_dim]. */
  readonly encoderHiddenStates: Tensor;
  /** What stands before the latents, float32 [N, 1, global_states_input_dim]. */
  readonly globalHiddenStates: Tensor;
  /** The positions. Defaults to none. */
  readonly rotaryEmbedding?: RotaryTables | undefined;
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
}

/** A loaded StableAudioDiTModel. */
export interface StableAudioDiTModel extends Model<StableAudioDiTConfig> {
  /**
   * The velocity at each latent, float32 [N, out_channels, length].
   *
   * @param hiddenStates Latents, float32 [N, in_channels, length].
   * @param timestep 0..1, for all rows or for each.
   */
  forward(
    hiddenStates: Tensor,
    timestep: number | readonly number[],
    options: StableAudioDiTOptions,
  ): Promise<{ sample: Tensor }>;
}

type Config = FrozenConfig<StableAudioDiTConfig>;

/** The denoiser of Stable Audio; `StableAudioDiTModel` of diffusers. */
export const StableAudioDiTModel: ModelClass<StableAudioDiTModel> = defineModel<
  StableAudioDiTConfig,
  StableAudioDiTModel
>({
  className: "StableAudioDiTModel",
  schema,
  check(config) {
    const { num_attention_heads: heads, num_key_value_attention_heads: keyHeads } = config;
    if (!(keyHeads > 0 && heads % keyHeads === 0)) {
      throw new RangeError(
        `Cannot build StableAudioDiTModel: num_attention_heads is ${heads}, but must be a multiple of ` +
          `num_key_value_attention_heads, ${keyHeads}`,
      );
    }
    if (turned(config) % 2 === 1) {
      throw new RangeError(
        `Cannot build StableAudioDiTModel: attention_head_dim is ${config.attention_head_dim}, but its ` +
          `half, which positions turn, must be even`,
      );
    }
  },
  graphs: {
    forward: {
      inputs: (config) => ({
        hidden_states: float32("batch", config.in_channels, "length"),
        timestep: timesteps(),
        encoder_hidden_states: float32("batch", "tokens", config.cross_attention_input_dim),
        global_hidden_states: float32("batch", 1, config.global_states_input_dim),
        rotary_cos: optional({ ...float32("positions", turned(config) / 2), exact: true }),
        rotary_sin: optional({ ...float32("positions", turned(config) / 2), exact: true }),
      }),
      build,
    },
  },
  methods: (model) => ({
    async forward(hiddenStates, timestep, options) {
      const { rotaryEmbedding } = options;
      if (rotaryEmbedding !== undefined) checkLength(rotaryEmbedding, hiddenStates);
      const { sample } = await model.run("forward", {
        hidden_states: hiddenStates,
        timestep: timestepTensor(timestep, hiddenStates.dims[0]!),
        encoder_hidden_states: options.encoderHiddenStates,
        global_hidden_states: options.globalHiddenStates,
        rotary_cos: rotaryEmbedding?.cos,
        rotary_sin: rotaryEmbedding?.sin,
      }, { signal: options.signal });
      return { sample: sample! };
    },
  }),
});

/** How many channels of a head its position turns. */
function turned({ attention_head_dim }: Config): number {
  return Math.floor(attention_head_dim / 2);
}

function checkLength({ cos }: RotaryTables, latents: Tensor): void {
  const [found, wanted] = [cos.dims[0], latents.dims.at(-1)! + 1];
  if (found === wanted) return;
  throw new TypeError(
    `Cannot turn heads by a rotaryEmbedding of ${found} positions: it must have ${wanted}, one for the ` +
      `global token and for each latent`,
  );
}

function build(s: Scope, config: Config, inputs: Readonly<Record<string, Value>>) {
  const { hidden_states: latents, rotary_cos: cos, rotary_sin: sin } = inputs;
  const text = twoLayers(s.at("cross_attention_proj"), inputs.encoder_hidden_states!, false);
  const waves = fourierEmbedding(s.at("time_proj"), inputs.timestep!, {
    log: false,
    flipSinToCos: true,
  });
  const time = twoLayers(s.at("timestep_proj"), waves, true); // [N, C]
  const facts = twoLayers(s.at("global_proj"), inputs.global_hidden_states!, false); // [N, 1, C]
  const first = add(s, facts, unsqueeze(s, time, [1]));

  const mixed = add(s, conv1d(s.at("preprocess_conv"), latents!, { bias: false }), latents!);
  const tokens = linear(s.at("proj_in"), transpose(s, mixed, [0, 2, 1]), { bias: false });
  let x = concat(s, [first, tokens], 1); // [N, 1 + length, C]
  const rotary = cos === undefined || sin === undefined
    ? undefined
    : { cos: s.cast(cos), sin: s.cast(sin) };
  for (let i = 0; i < config.num_layers; i++) {
    x = block(s.at("transformer_blocks", i), x, text, rotary, config);
  }
  const out = linear(s.at("proj_out"), x, { bias: false });
  const rest = slice(s, transpose(s, out, [0, 2, 1]), 2, 1, Number.MAX_SAFE_INTEGER); // [N, C, length]
  return { sample: add(s, conv1d(s.at("postprocess_conv"), rest, { bias: false }), rest) };
}

/** Two linear layers with SiLU between them. */
function twoLayers(s: Scope, x: Value, bias: boolean): Value {
  return linear(s.at(2), silu(s, linear(s.at(0), x, { bias })), { bias });
}

/** Self-attention, cross-attention and feed forward, each after a normalization (`StableAudioDiTBlock`). */
function block(
  s: Scope,
  x: Value,
  text: Value,
  rotary: Rotary | undefined,
  config: Config,
): Value {
  const { num_attention_heads: heads, num_key_value_attention_heads: keyHeads } = config;
  const placed = (of: Value) =>
    rotary === undefined
      ? of
      : rotate(s, of, rotary, { heads, pairs: "half-split", width: turned(config) });
  const project = (module: Scope, query: Value, context: Value) =>
    (["to_q", "to_k", "to_v"] as const).map((name) =>
      linear(module.at(name), name === "to_q" ? query : context, { bias: false })
    ) as [Value, Value, Value];
  const attend = (module: Scope, query: Value, key: Value, value: Value) =>
    linear(module.at("to_out.0"), attention(module, { query, key, value }, { heads }), {
      bias: false,
    });

  const normal = layerNorm(s.at("norm1"), x);
  const [q, k, v] = project(s.at("attn1"), normal, normal);
  const seen = add(s, attend(s.at("attn1"), placed(q), placed(k), v), x);

  const [query, key, value] = project(s.at("attn2"), layerNorm(s.at("norm2"), seen), text);
  const shared = { keyHeads, headWidth: config.attention_head_dim, times: heads / keyHeads };
  const [keys, values] = [key, value].map((of) => repeatHeads(s, of, shared)) as [Value, Value];
  const read = add(s, attend(s.at("attn2"), query, keys, values), seen);

  const fed = feedForward(s.at("ff"), layerNorm(s.at("norm3"), read), { activation: "swiglu" });
  return add(s, fed, read);
}

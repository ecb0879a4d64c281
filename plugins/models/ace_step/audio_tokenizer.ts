import {
  anything,
  type ConfigSchema,
  type FrozenConfig,
  type Model,
  type ModelClass,
  Tensor,
} from "@denoise/core";
import { defineModel, float32 } from "@denoise/onnx";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  add,
  clamp,
  concat,
  div,
  expand,
  linear,
  mul,
  shapeOf,
  slice,
  squeeze,
  sub,
  tanh,
} from "@denoise/onnx/nn";
import {
  type AceStepLayersConfig,
  checkLayers,
  encoderLayers,
  layersOptions,
  rowFacts,
} from "./layers.ts";

/** Options of an AceStepAudioTokenizer, as they stand in config.json. */
export interface AceStepAudioTokenizerConfig extends AceStepLayersConfig {
  /** Channels of the latents. */
  readonly audio_acoustic_hidden_dim: number;
  /** How many latents are one token. */
  readonly pool_window_size: number;
  /** Width of what is quantized. */
  readonly fsq_dim: number;
  /** How many values each number of a code has; null for 8, 8, 8, 5, 5, 5. */
  readonly fsq_input_levels: readonly number[] | null;
  /** How many codes a token is, each of what those before it leave. */
  readonly fsq_input_num_quantizers: number;
  /** Number of layers. */
  readonly num_attention_pooler_hidden_layers: number;
}

const schema: ConfigSchema<AceStepAudioTokenizerConfig> = {
  ...layersOptions,
  audio_acoustic_hidden_dim: 64,
  pool_window_size: 5,
  fsq_dim: 2048,
  fsq_input_levels: anything<readonly number[] | null>(null),
  fsq_input_num_quantizers: 1,
  num_attention_pooler_hidden_layers: 2,
};

/** Latents as tokens. */
export interface AceStepAudioTokens {
  /** What each is, float32 [N, tokens, fsq_dim]. */
  readonly quantized: Tensor;
  /** Their codes, int64 [N, tokens, fsq_input_num_quantizers]. */
  readonly indices: Tensor;
}

/** A loaded AceStepAudioTokenizer. */
export interface AceStepAudioTokenizer extends Model<AceStepAudioTokenizerConfig> {
  /** How many codes there are. */
  readonly codebookSize: number;
  /**
   * Tokens of latents that lie in groups already.
   *
   * @param hiddenStates float32 [N, tokens, pool_window_size, audio_acoustic_hidden_dim].
   */
  forward(hiddenStates: Tensor): Promise<AceStepAudioTokens>;
  /**
   * Tokens of latents, each of `pool_window_size`.
   *
   * @param hiddenStates float32 [N, length, audio_acoustic_hidden_dim].
   * @param silenceLatent What the last token is filled up with, float32 [1, length, audio_acoustic_hidden_dim]. Defaults
   *   to zeros, also where it has another number of channels.
   */
  tokenize(hiddenStates: Tensor, silenceLatent?: Tensor): Promise<AceStepAudioTokens>;
  /**
   * What codes stand for, float32 [N, tokens, fsq_dim] (`quantizer.get_output_from_indices`).
   *
   * @param indices int64 [N, tokens, fsq_input_num_quantizers].
   * @throws {TypeError} for another number of codes in a token.
   */
  outputFromIndices(indices: Tensor): Promise<Tensor>;
}

type Config = FrozenConfig<AceStepAudioTokenizerConfig>;

/** Latents to the codes that a cover keeps; `AceStepAudioTokenizer` of diffusers. */
export const AceStepAudioTokenizer: ModelClass<AceStepAudioTokenizer> = defineModel<
  AceStepAudioTokenizerConfig,
  AceStepAudioTokenizer
>({
  className: "AceStepAudioTokenizer",
  schema,
  check: (config) =>
    checkLayers("AceStepAudioTokenizer", config, config.num_attention_pooler_hidden_layers),
  graphs: {
    forward: {
      inputs: ({ pool_window_size: window, audio_acoustic_hidden_dim: channels }) => ({
        hidden_states: float32("tokens", window, channels),
      }),
      build: (s, config, { hidden_states }) => {
        const wide = linear(s.at("audio_acoustic_proj"), hidden_states!);
        return quantize(s.at("quantizer"), pool(s.at("attention_pooler"), wide, config), config);
      },
    },
    output: {
      inputs: (config) => ({ codes: float32("batch", "tokens", levelsOf(config).length) }),
      build: (s, _config, { codes }) => ({ quantized: expandCodes(s.at("quantizer"), codes!) }),
    },
  },
  methods(model) {
    const { pool_window_size: window, fsq_input_num_quantizers: count } = model.config;
    const levels = levelsOf(model.config);
    const forward: AceStepAudioTokenizer["forward"] = async (hiddenStates) => {
      const [rows, tokens, , channels] = hiddenStates.dims as [number, number, number, number];
      const { quantized, indices } = await model.run("forward", {
        hidden_states: hiddenStates.reshape([rows * tokens, window, channels]),
      });
      return {
        quantized: quantized!.reshape([rows, tokens, quantized!.dims[1]!]),
        indices: indices!.reshape([rows, tokens, count]),
      };
    };
    return {
      codebookSize: levels.reduce((product, level) => product * level, 1),
      forward,
      async tokenize(hiddenStates, silenceLatent) {
        const [rows, length, channels] = hiddenStates.dims as [number, number, number];
        const missing = (window - length % window) % window;
        const rest = silenceLatent?.dims[2] === channels
          ? silenceLatent.slice(1, 0, missing).expand([rows, missing, channels])
          : Tensor.zeros([rows, missing, channels]);
        const whole = missing === 0 ? hiddenStates : Tensor.cat([hiddenStates, rest], 1);
        return await forward(
          whole.reshape([rows, (length + missing) / window, window, channels]),
        );
      },
      async outputFromIndices(indices) {
        const codes = codesOf(indices, levels, count);
        return (await model.run("output", { codes })).quantized!;
      },
    };
  },
});

/** How many values each number of a code has. */
function levelsOf({ fsq_input_levels }: Config): readonly number[] {
  return fsq_input_levels ?? [8, 8, 8, 5, 5, 5];
}

/** How much one more in a number of a code is, in the code as one number. */
function basisOf(levels: readonly number[]): number[] {
  return levels.map((_, i) => levels.slice(0, i).reduce((product, level) => product * level, 1));
}

/** The numbers of codes, in -1..1, float32 [N, tokens, numbers] (`get_codes_from_indices`). */
function codesOf(indices: Tensor, levels: readonly number[], count: number): Tensor {
  const [rows, tokens, own] = indices.dims as [number, number, number];
  if (own !== count || indices.dims.length !== 3) {
    throw new TypeError(
      `Cannot use codes of shape [${
        indices.dims.join(", ")
      }]: they must be [rows, tokens, ${count}]`,
    );
  }
  const basis = basisOf(levels);
  const f = Math.fround;
  const all = Array.from(indices.data, Number);
  const codes = Float32Array.from({ length: rows * tokens * levels.length }, (_, i) => {
    const [token, number] = [Math.floor(i / levels.length), i % levels.length];
    const level = levels[number]!;
    return all.slice(token * count, (token + 1) * count).reduce((sum, index, quantizer) => {
      const place = Math.floor(index / basis[number]!) % level;
      const code = f(f(place * f(2 / (level - 1))) - 1);
      return f(sum + f(code * f(level ** -quantizer)));
    }, 0);
  });
  return new Tensor("float32", codes, [rows, tokens, levels.length]);
}

/** One state of each group of tokens, [groups, C] (`AceStepAttentionPooler`). */
function pool(s: Scope, x: Value, config: Config): Value {
  const embedded = linear(s.at("embed_tokens"), x); // [groups, window, C]
  const rows = concat(s, [shapeOf(s, x, 0, 1), s.ints([1, config.hidden_size])], 0);
  const first = expand(s, s.tensor("special_token"), rows);
  const row = concat(s, [first, embedded], 1);
  const layers = config.num_attention_pooler_hidden_layers;
  const states = encoderLayers(s, row, { config, layers, facts: rowFacts(s, row, config) });
  return squeeze(s, slice(s, states, 1, 0, 1), [1]);
}

/** The nearest of finitely many values, in float32 (`_AceStepResidualFSQ`; Mentzer et al., 2023, arXiv:2309.15505). */
function quantize(s: Scope, x: Value, config: Config): Readonly<Record<string, Value>> {
  const levels = levelsOf(config);
  const exact = s.exact();
  const row = (of: (level: number, i: number) => number) =>
    s.graph.floats(Float32Array.from(levels, of), [levels.length], "float32");
  const soft = row((level) => 1 + Math.fround(1 / (level - 1)));
  const narrow = linear(exact.at("project_in"), s.cast(x, "float32")); // [tokens, numbers]
  let rest = mul(exact, tanh(exact, div(exact, narrow, soft)), soft);
  const steps = row((level) => 2 / (level - 1));
  const quantized: Value[] = [];
  const indices: Value[] = [];
  for (let i = 0; i < config.fsq_input_num_quantizers; i++) {
    const scale = row((level) => level ** -i);
    const unit = add(exact, clamp(exact, div(exact, rest, scale), -1, 1), 1); // 0..2
    const places = mul(exact, row((level) => level - 1), unit);
    const place = exact.op("Floor", [add(exact, div(exact, places, 2), 0.5)]);
    const value = mul(exact, sub(exact, mul(exact, steps, place), 1), scale);
    rest = sub(exact, rest, value);
    quantized.push(value);
    const digits = mul(exact, place, row((_, at) => basisOf(levels)[at]!));
    const index = exact.op("ReduceSum", [digits, s.ints([1])], { keepdims: 1 });
    indices.push(exact.cast(exact.op("Round", [index]), "int64"));
  }
  const sum = quantized.reduce((all, value) => add(exact, all, value));
  return { quantized: expandCodes(s, sum), indices: concat(s, indices, 1) };
}

/** Codes as states, [..., fsq_dim]. */
function expandCodes(s: Scope, codes: Value): Value {
  return s.cast(linear(s.exact().at("project_out"), s.cast(codes, "float32")));
}

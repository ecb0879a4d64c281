import {
  anything,
  type ConfigSchema,
  float,
  type FrozenConfig,
  maybe,
  number,
  type Tensor,
} from "@denoise/core";
import { type Runner, unsupportedOption } from "./model_definition.ts";
import { activationNames, type RotaryStretch } from "./nn/mod.ts";

/** What `rope_parameters` and `rope_scaling` say of the positions. */
export interface RopeParameters {
  /** The longest wavelength is 2π times this. */
  readonly rope_theta?: number;
  /** How positions are stretched; `"default"` is not at all. */
  readonly rope_type?: string;
  /** What `rope_type` was called before. */
  readonly type?: string;
  /** Of `"linear"` and `"yarn"`: how many times longer texts may be than those of the first training. */
  readonly factor?: number;
  /** Of `"yarn"`: how many positions the first training had. */
  readonly original_max_position_embeddings?: number;
  /** Of `"yarn"`: how often the shortest of the waves that are stretched turns within these. Defaults to 32. */
  readonly beta_fast?: number | null;
  /** Of `"yarn"`: how often the longest wave that is not stretched by the whole factor does. Defaults to 1. */
  readonly beta_slow?: number | null;
  /** Of `"yarn"`: what cosines and sines are multiplied with, where the following do not say it. */
  readonly attention_factor?: number | null;
  /** Of `"yarn"`: how much larger they are for longer texts; with `mscale_all_dim`. */
  readonly mscale?: number | null;
  /** Of `"yarn"`: what `mscale` is relative to. */
  readonly mscale_all_dim?: number | null;
  /** Of `"yarn"`: whether the waves that are stretched in part begin and end at whole channels. Defaults to true. */
  readonly truncate?: boolean;
  /** How much queries grow with the logarithm of their position, in parts of the first training's. */
  readonly llama_4_scaling_beta?: number | null;
  /** How many pairs of a head's channels time, row and column turn, where images are read too. */
  readonly mrope_section?: readonly number[];
}

/** Options that decoder language models have in common, as they stand in config.json. */
export interface LanguageModelConfig {
  /** Number of tokens. */
  readonly vocab_size: number;
  /** Width of the states. */
  readonly hidden_size: number;
  /** Width inside a layer's feed-forward part. */
  readonly intermediate_size: number;
  /** Number of layers. */
  readonly num_hidden_layers: number;
  /** Attention heads of a layer. */
  readonly num_attention_heads: number;
  /** Heads of keys and values; null means as many as of queries. */
  readonly num_key_value_heads: number | null;
  /** The activation of the feed-forward part's gate. */
  readonly hidden_act: string;
  /** Added to the mean square in each normalization. */
  readonly rms_norm_eps: number;
  /** The longest wavelength of the positions is 2π times this, where `rope_parameters` does not say it. */
  readonly rope_theta: number;
  /** The positions as newer files describe them. */
  readonly rope_parameters: RopeParameters | null;
  /** Must not stretch positions. */
  readonly rope_scaling: RopeParameters | null;
  /** Must be false: every token attends to all before it. */
  readonly use_sliding_window: boolean;
  /** Must name `"full_attention"` alone. */
  readonly layer_types: readonly string[] | null;
}

/** These options, with defaults that each class may replace by its own. */
export const languageModelOptions: ConfigSchema<LanguageModelConfig> = {
  vocab_size: 151936,
  hidden_size: 4096,
  intermediate_size: 22016,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: maybe(number, 32),
  hidden_act: "silu",
  rms_norm_eps: float(1e-6),
  rope_theta: float(10000),
  rope_parameters: anything<RopeParameters | null>(null),
  rope_scaling: anything<RopeParameters | null>(null),
  use_sliding_window: false,
  layer_types: anything<readonly string[] | null>(null),
};

/** What positions that are stretched must say of it. */
const STRETCHES = [
  ["linear", ["factor"]],
  ["yarn", ["factor", "original_max_position_embeddings"]],
] as const;

/**
 * Refuses a language model that cannot be built, before any weights are looked at.
 *
 * @param ropeTypes Kinds of positions beside `"default"` that come to the same.
 */
export function checkLanguageModel(
  className: string,
  config: FrozenConfig<LanguageModelConfig>,
  ropeTypes: readonly string[] = [],
): void {
  const refuse = (option: keyof LanguageModelConfig, known: readonly unknown[]) =>
    unsupportedOption(className, option, config[option], known);
  if (!activationNames.includes(config.hidden_act)) throw refuse("hidden_act", activationNames);
  if (config.use_sliding_window) throw refuse("use_sliding_window", [false]);
  if (config.layer_types?.some((type) => type !== "full_attention")) {
    throw refuse("layer_types", [null, ["full_attention"]]);
  }
  const known = ["default", ...ropeTypes];
  for (const option of ["rope_parameters", "rope_scaling"] as const) {
    const { rope_type, type } = config[option] ?? {};
    if (!known.includes(rope_type ?? type ?? "default")) {
      throw refuse(option, [null, ...known.map((rope_type) => ({ rope_type }))]);
    }
  }
  for (const [type, names] of STRETCHES) {
    const rope = stretchedRope(config, type);
    if (rope === undefined || names.every((name) => Number(rope[name]) > 0)) continue;
    throw new RangeError(
      `Cannot build ${className}: positions of rope_type "${type}" need ${names.join(" and ")}, ` +
        `${names.length === 2 ? "both " : ""}above 0, but have ${JSON.stringify(rope)}`,
    );
  }
  const { num_attention_heads: heads, num_key_value_heads: keyHeads } = config;
  if (heads % (keyHeads ?? heads) !== 0) {
    throw new RangeError(
      `Cannot build ${className}: num_attention_heads is ${heads}, which must be a multiple of ` +
        `num_key_value_heads, ${keyHeads}`,
    );
  }
}

/** The types of layers: those that attend to the last tokens, and those that attend to all before. */
export const slidingLayerTypes: readonly string[] = ["sliding_attention", "full_attention"];

/** As {@linkcode checkLanguageModel}, for a model some of whose layers slide, as Gemma's do. */
export function checkSlidingLanguageModel(
  className: string,
  config: FrozenConfig<
    LanguageModelConfig & { readonly use_bidirectional_attention: boolean | null }
  >,
  ropeTypes: readonly string[] = [],
): void {
  const { layer_types, num_hidden_layers, use_bidirectional_attention } = config;
  checkLanguageModel(className, { ...config, layer_types: null }, ropeTypes);
  if (layer_types?.some((type) => !slidingLayerTypes.includes(type))) {
    throw unsupportedOption(className, "layer_types", layer_types, slidingLayerTypes);
  }
  if (layer_types !== null && layer_types.length !== num_hidden_layers) {
    throw new RangeError(
      `Cannot build ${className}: layer_types names ${layer_types.length} layers, which must be as many as ` +
        `num_hidden_layers, ${num_hidden_layers}`,
    );
  }
  if (use_bidirectional_attention === true) {
    throw unsupportedOption(className, "use_bidirectional_attention", true, [null, false]);
  }
}

/** What the config says of positions that are stretched in that way. */
function stretchedRope(
  { rope_parameters, rope_scaling }: Pick<LanguageModelConfig, "rope_parameters" | "rope_scaling">,
  type: string,
): RopeParameters | undefined {
  return [rope_parameters, rope_scaling].find((rope) => (rope?.rope_type ?? rope?.type) === type) ??
    undefined;
}

/** How the config's positions are stretched; undefined where they are not. */
export function ropeStretch(
  config: Pick<LanguageModelConfig, "rope_parameters" | "rope_scaling">,
): RotaryStretch | undefined {
  const linear = stretchedRope(config, "linear");
  if (linear !== undefined) return { factor: linear.factor! };
  const rope = stretchedRope(config, "yarn");
  if (rope === undefined) return undefined;
  const factor = rope.factor!;
  const growth = (scale = 1) => factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1;
  const { mscale, mscale_all_dim: all } = rope;
  const amplitude = rope.attention_factor ??
    (mscale && all ? growth(mscale) / growth(all) : growth());
  return {
    factor,
    positions: rope.original_max_position_embeddings!,
    fast: rope.beta_fast || 32,
    slow: rope.beta_slow || 1,
    truncate: rope.truncate ?? true,
    amplitude,
  };
}

/** Names of the hidden states among a graph's outputs. */
function hiddenStateName(index: number): string {
  return `hidden_state_${index}`;
}

/**
 * The states of a language model as what its graph gives.
 *
 * @param states Those before each layer, then those of the last one before the final norm and after it.
 */
export function namedStates<T>(states: readonly T[]): Readonly<Record<string, T>> {
  return Object.fromEntries(states.map((state, i) => [hiddenStateName(i), state]));
}

/** What a language model's states are asked for with. */
export interface HiddenStatesCall {
  /** int64 [N, tokens], 1 where a token may be attended to. Defaults to all of them. */
  readonly attentionMask?: Tensor | undefined;
  /**
   * int64 [tokens], where the tokens of all rows are (`position_ids`). Defaults to 0, 1, 2 and so on.
   */
  readonly positionIds?: Tensor | undefined;
  /** Whether the last state is after the final norm. Defaults to true. */
  readonly finalNorm?: boolean | undefined;
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
}

/** How language models are called. */
export interface LanguageModelMethods {
  /** The states after the final norm, and with `outputHiddenStates` also those before each layer. */
  forward(
    inputIds: Tensor,
    options?: {
      readonly attentionMask?: Tensor | undefined;
      readonly outputHiddenStates?: boolean | undefined;
    },
  ): Promise<{ lastHiddenState: Tensor; hiddenStates: readonly Tensor[] | undefined }>;
  /**
   * Some of the hidden states alone, float32 [N, tokens, hidden_size] each: layers after the last one that
   * is asked for are neither loaded nor run.
   *
   * @throws {RangeError} for a state that there is not.
   */
  hiddenStates(
    inputIds: Tensor,
    indices: readonly number[],
    options?: HiddenStatesCall,
  ): Promise<Tensor[]>;
}

/**
 * Some of the hidden states that the graph `forward` of a language model gives under
 * {@linkcode namedStates}.
 *
 * @param inputs By the names of the graph's inputs.
 * @throws {RangeError} for a state that there is not.
 */
export async function runHiddenStates(
  model: Pick<Runner<LanguageModelConfig>, "run"> & {
    readonly config: Pick<LanguageModelConfig, "num_hidden_layers">;
  },
  indices: readonly number[],
  inputs: Readonly<Record<string, Tensor | undefined>>,
  { finalNorm = true, signal }: Pick<HiddenStatesCall, "finalNorm" | "signal"> = {},
): Promise<Tensor[]> {
  const { num_hidden_layers: layers } = model.config;
  const names = indices.map((given) => {
    const index = stateIndex(given, layers + 1);
    return hiddenStateName(index === layers && finalNorm ? layers + 1 : index);
  });
  const outputs = [...new Set(names)];
  const result = await model.run("forward", inputs, { outputs, signal });
  return names.map((name) => result[name]!);
}

/**
 * The methods of a language model whose graph `forward` gives its {@linkcode namedStates} for
 * `input_ids` and `attention_mask`.
 */
export function languageModelMethods(
  model: Pick<Runner<LanguageModelConfig>, "run" | "config">,
): LanguageModelMethods {
  const { num_hidden_layers: layers } = model.config;
  const hiddenStates: LanguageModelMethods["hiddenStates"] = async (
    inputIds,
    indices,
    options = {},
  ) => {
    const { attentionMask, positionIds } = options;
    const places = positionIds && placesOf(positionIds, inputIds.dims[1]!);
    const inputs = { input_ids: inputIds, attention_mask: attentionMask, places };
    return await runHiddenStates(model, indices, inputs, options);
  };
  return {
    hiddenStates,
    async forward(inputIds, { attentionMask, outputHiddenStates = false } = {}) {
      const indices = outputHiddenStates ? [...Array(layers + 1).keys()] : [layers];
      const states = await hiddenStates(inputIds, indices, { attentionMask });
      return {
        lastHiddenState: states.at(-1)!,
        hiddenStates: outputHiddenStates ? states : undefined,
      };
    },
  };
}

/** Positions as the graph takes them, int64 [tokens, 1]. */
function placesOf(positionIds: Tensor, tokens: number): Tensor {
  if (positionIds.data.length !== tokens) {
    throw new TypeError(
      `Cannot place ${tokens} tokens at positionIds [${positionIds.dims}]: there must be one for each, ` +
        "the same for all rows",
    );
  }
  return positionIds.reshape([tokens, 1]);
}

function stateIndex(index: number, count: number): number {
  if (Number.isInteger(index) && index >= -count && index < count) {
    return index < 0 ? index + count : index;
  }
  throw new RangeError(
    `Cannot give hidden state ${index}: it must be an integer from ${-count} to ${count - 1}`,
  );
}

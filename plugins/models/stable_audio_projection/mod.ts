/**
 * StableAudioProjectionModel: what Stable Audio Open's transformer is given of a text and of the seconds at
 * which audio starts and ends (Evans et al., 2024, arXiv:2402.04825): the text's states through a linear
 * layer, each time as sines and cosines of learned frequencies through another.
 *
 * @example
 * ```ts ignore
 * import { StableAudioProjectionModel } from "@denoise/denoise";
 *
 * const projection = await StableAudioProjectionModel.fromPretrained(
 *   "stabilityai/stable-audio-open-1.0",
 *   { subfolder: "projection_model" },
 * );
 * const { start, end } = await projection.seconds([0], [10]); // [1, 1, 768] each
 * ```
 *
 * @module
 */
import {
  type ConfigSchema,
  type FrozenConfig,
  type Model,
  type ModelClass,
  number,
  Tensor,
} from "@denoise/core";
import { defineModel, float32, timesteps } from "@denoise/onnx";
import type { Scope, Value } from "@denoise/onnx/graph";
import { clamp, concat, div, linear, mul, sub, unsqueeze } from "@denoise/onnx/nn";

/** Options of a StableAudioProjectionModel, as they stand in config.json. */
export interface StableAudioProjectionConfig {
  /** Width of the text encoder's states. */
  readonly text_encoder_dim: number;
  /** Width of what the transformer is given. */
  readonly conditioning_dim: number;
  /** The smallest number of seconds. */
  readonly min_value: number;
  /** The largest number of seconds. */
  readonly max_value: number;
}

const schema: ConfigSchema<StableAudioProjectionConfig> = {
  text_encoder_dim: number(768),
  conditioning_dim: number(768),
  min_value: number(0),
  max_value: number(512),
};

/** A loaded StableAudioProjectionModel. */
export interface StableAudioProjectionModel extends Model<StableAudioProjectionConfig> {
  /**
   * States of texts as the transformer takes them, float32 [N, tokens, conditioning_dim].
   *
   * @param textHiddenStates float32 [N, tokens, text_encoder_dim].
   */
  text(textHiddenStates: Tensor): Promise<Tensor>;
  /**
   * The seconds at which each audio clip starts and ends, limited to min_value..max_value, as tokens: float32
   * [N, 1, conditioning_dim] each.
   *
   * @throws {RangeError} for lists of unequal length.
   */
  seconds(
    start: readonly number[],
    end: readonly number[],
  ): Promise<{ readonly start: Tensor; readonly end: Tensor }>;
}

type Config = FrozenConfig<StableAudioProjectionConfig>;

/** What conditions Stable Audio's transformer; `StableAudioProjectionModel` of diffusers. */
export const StableAudioProjectionModel: ModelClass<StableAudioProjectionModel> = defineModel<
  StableAudioProjectionConfig,
  StableAudioProjectionModel
>({
  className: "StableAudioProjectionModel",
  schema,
  graphs: {
    text: {
      inputs: (config) => ({
        text_hidden_states: float32("batch", "tokens", config.text_encoder_dim),
      }),
      build: (s, config, { text_hidden_states }) => ({
        text: config.text_encoder_dim === config.conditioning_dim
          ? s.op("Identity", [text_hidden_states!])
          : linear(s.at("text_projection"), text_hidden_states!),
      }),
    },
    seconds: {
      inputs: () => ({ start_seconds: timesteps("batch"), end_seconds: timesteps("batch") }),
      build: (s, config, { start_seconds, end_seconds }) => ({
        start: numberToken(s.at("start_number_conditioner"), start_seconds!, config),
        end: numberToken(s.at("end_number_conditioner"), end_seconds!, config),
      }),
    },
  },
  methods: (model) => ({
    async text(textHiddenStates) {
      return (await model.run("text", { text_hidden_states: textHiddenStates })).text!;
    },
    async seconds(start, end) {
      if (start.length !== end.length) {
        throw new RangeError(
          `Cannot take ${start.length} starts with ${end.length} ends: give as many of both`,
        );
      }
      const row = (values: readonly number[]) => Tensor.from(Float32Array.from(values));
      const made = await model.run("seconds", {
        start_seconds: row(start),
        end_seconds: row(end),
      });
      return { start: made.start!, end: made.end! };
    },
  }),
});

/**
 * A number as a token (`StableAudioNumberConditioner`), its waves computed in float32 whatever type the graph
 * computes in.
 *
 * @param x float32 [N].
 * @returns [N, 1, conditioning_dim].
 */
function numberToken(s: Scope, x: Value, { min_value: min, max_value: max }: Config): Value {
  const share = unsqueeze(s, div(s, sub(s, clamp(s, x, min, max), min), max - min), [1]); // [N, 1]
  const layer = s.at("time_positional_embedding");
  const frequencies = s.cast(layer.tensor("0.weights"), "float32");
  const turns = mul(s, mul(s, mul(s, share, frequencies), 2), Math.PI); // [N, E / 2]
  const waves = concat(s, [share, s.op("Sin", [turns]), s.op("Cos", [turns])], 1); // [N, 1 + E]
  return unsqueeze(s, linear(layer.at(1), s.cast(waves)), [1]);
}

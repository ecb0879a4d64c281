/**
 * AudioLDM2ProjectionModel: the states of AudioLDM 2's two text encoders side by side, as its language model reads
 * them (Liu et al., 2023, arXiv:2308.05734): each through a linear layer, between learned tokens for its start and
 * its end.
 *
 * @example
 * ```ts ignore
 * import { AudioLDM2ProjectionModel, randn } from "@denoise/denoise";
 *
 * const projection = await AudioLDM2ProjectionModel.fromPretrained(
 *   "cvssp/audioldm2",
 *   { subfolder: "projection_model" },
 * );
 * const states = await projection.forward(randn([1, 1, 512]), randn([1, 16, 1024])); // [1, 21, 768]
 * ```
 *
 * @module
 */
import {
  boolean,
  type ConfigSchema,
  type FrozenConfig,
  maybe,
  type Model,
  type ModelClass,
  number,
  type Tensor,
} from "@denoise/core";
import { checkKnown, defineModel, float32 } from "@denoise/onnx";
import type { Scope, Value } from "@denoise/onnx/graph";
import { concat, expand, linear, reshape, shapeOf } from "@denoise/onnx/nn";

/** Options of an AudioLDM2ProjectionModel, as they stand in config.json. */
export interface AudioLDM2ProjectionConfig {
  /** Width of the first text encoder's states. */
  readonly text_encoder_dim: number;
  /** Width of the second one's. */
  readonly text_encoder_1_dim: number;
  /** Width of the language model, misspelt as in the reference. */
  readonly langauge_model_dim: number;
  /** Learned places for the states of VITS; null, which is all that is covered, has none. */
  readonly use_learned_position_embedding: boolean | null;
  /** How many of these there are. */
  readonly max_seq_length: number | null;
}

const schema: ConfigSchema<AudioLDM2ProjectionConfig> = {
  text_encoder_dim: number(512),
  text_encoder_1_dim: number(1024),
  langauge_model_dim: number(768),
  use_learned_position_embedding: maybe(boolean),
  max_seq_length: maybe(number),
};

/** A loaded AudioLDM2ProjectionModel. */
export interface AudioLDM2ProjectionModel extends Model<AudioLDM2ProjectionConfig> {
  /**
   * The states of both text encoders, float32 [N, tokens + tokens_1 + 4, langauge_model_dim].
   *
   * @param hiddenStates float32 [N, tokens, text_encoder_dim].
   * @param hiddenStates1 float32 [N, tokens_1, text_encoder_1_dim].
   */
  forward(hiddenStates: Tensor, hiddenStates1: Tensor): Promise<Tensor>;
}

/** What the language model of AudioLDM 2 reads; `AudioLDM2ProjectionModel` of diffusers. */
export const AudioLDM2ProjectionModel: ModelClass<AudioLDM2ProjectionModel> = defineModel<
  AudioLDM2ProjectionConfig,
  AudioLDM2ProjectionModel
>({
  className: "AudioLDM2ProjectionModel",
  schema,
  check: (config) =>
    checkKnown("AudioLDM2ProjectionModel", config, { use_learned_position_embedding: [null] }),
  graphs: {
    forward: {
      inputs: (config) => ({
        hidden_states: float32("batch", "tokens", config.text_encoder_dim),
        hidden_states_1: float32("batch", "tokens_1", config.text_encoder_1_dim),
      }),
      build: (s, config, { hidden_states, hidden_states_1 }) => ({
        states: concat(s, [
          ...between(s, config, "", hidden_states!),
          ...between(s, config, "_1", hidden_states_1!),
        ], 1),
      }),
    },
  },
  methods: (model) => ({
    async forward(hiddenStates, hiddenStates1) {
      const inputs = { hidden_states: hiddenStates, hidden_states_1: hiddenStates1 };
      return (await model.run("forward", inputs)).states!;
    },
  }),
});

/** States through a linear layer, between two learned tokens (`add_special_tokens`). */
function between(
  s: Scope,
  { langauge_model_dim: width }: FrozenConfig<AudioLDM2ProjectionConfig>,
  suffix: string,
  states: Value,
): Value[] {
  const rows = concat(s, [shapeOf(s, states, 0, 1), s.ints([1, width])], 0);
  const token = (name: string) =>
    expand(s, reshape(s, s.tensor(`${name}${suffix}`), [1, 1, width]), rows);
  return [token("sos_embed"), linear(s.at(`projection${suffix}`), states), token("eos_embed")];
}

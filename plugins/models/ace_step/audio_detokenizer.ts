import type { ConfigSchema, Model, ModelClass, Tensor } from "@denoise/core";
import { defineModel, float32 } from "@denoise/onnx";
import { add, linear, unsqueeze } from "@denoise/onnx/nn";
import {
  type AceStepLayersConfig,
  checkLayers,
  encoderLayers,
  layersOptions,
  rowFacts,
} from "./layers.ts";

/** Options of an AceStepAudioTokenDetokenizer, as they stand in config.json. */
export interface AceStepAudioTokenDetokenizerConfig extends AceStepLayersConfig {
  /** Channels of the latents. */
  readonly audio_acoustic_hidden_dim: number;
  /** How many latents a token becomes. */
  readonly pool_window_size: number;
  /** Number of layers. */
  readonly num_attention_pooler_hidden_layers: number;
}

const schema: ConfigSchema<AceStepAudioTokenDetokenizerConfig> = {
  ...layersOptions,
  audio_acoustic_hidden_dim: 64,
  pool_window_size: 5,
  num_attention_pooler_hidden_layers: 2,
};

/** A loaded AceStepAudioTokenDetokenizer. */
export interface AceStepAudioTokenDetokenizer extends Model<AceStepAudioTokenDetokenizerConfig> {
  /**
   * Latents of tokens, float32 [N, tokens·pool_window_size, audio_acoustic_hidden_dim].
   *
   * @param hiddenStates float32 [N, tokens, hidden_size].
   */
  forward(hiddenStates: Tensor): Promise<Tensor>;
}

/** Tokens to latents; `AceStepAudioTokenDetokenizer` of diffusers. */
export const AceStepAudioTokenDetokenizer: ModelClass<AceStepAudioTokenDetokenizer> = defineModel<
  AceStepAudioTokenDetokenizerConfig,
  AceStepAudioTokenDetokenizer
>({
  className: "AceStepAudioTokenDetokenizer",
  schema,
  check: (config) =>
    checkLayers("AceStepAudioTokenDetokenizer", config, config.num_attention_pooler_hidden_layers),
  graphs: {
    forward: {
      inputs: ({ hidden_size }) => ({ hidden_states: float32("tokens", hidden_size) }),
      build(s, config, { hidden_states }) {
        const embedded = unsqueeze(s, linear(s.at("embed_tokens"), hidden_states!), [1]);
        const x = add(s, embedded, s.tensor("special_tokens")); // [tokens, window, C]
        const layers = config.num_attention_pooler_hidden_layers;
        const states = encoderLayers(s, x, { config, layers, facts: rowFacts(s, x, config) });
        return { latents: linear(s.at("proj_out"), states) };
      },
    },
  },
  methods: (model) => ({
    async forward(hiddenStates) {
      const { pool_window_size: window, audio_acoustic_hidden_dim: channels } = model.config;
      const [rows, tokens, width] = hiddenStates.dims as [number, number, number];
      const { latents } = await model.run("forward", {
        hidden_states: hiddenStates.reshape([rows * tokens, width]),
      });
      return latents!.reshape([rows, tokens * window, channels]);
    },
  }),
});

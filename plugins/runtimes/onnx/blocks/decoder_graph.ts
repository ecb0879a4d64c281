import type { FrozenConfig } from "@denoise/core";
import type { Value } from "../graph/mod.ts";
import { type LanguageModelConfig, namedStates } from "../language_model.ts";
import { float32, type GraphDefinition, int64, optional } from "../model_definition.ts";
import { type DecoderOptions, decoderOptionsOf, decoderStates } from "./decoder.ts";

/** What a class says of its layers, beside what all configs of language models say. */
export type DecoderLayers = Omit<DecoderOptions, keyof ReturnType<typeof decoderOptionsOf>>;

/**
 * The graph of a decoder language model that reads texts: `input_ids` and, where some are padding,
 * `attention_mask` [N, tokens] to its hidden states, cut after the last one that is asked for. Where tokens are
 * elsewhere than at their place in the row, `places` int64 [tokens, 1] says it.
 *
 * @param layers What the config's options say of the class's layers.
 */
export function decoderGraph<C extends LanguageModelConfig>(
  layers: (config: FrozenConfig<C>) => DecoderLayers,
): GraphDefinition<C> {
  return {
    cut: true,
    inputs: () => ({
      input_ids: int64("batch", "tokens"),
      attention_mask: optional(int64("batch", "tokens")),
      places: optional(int64("tokens", 1)),
    }),
    build(s, config, { input_ids, attention_mask, places }): Readonly<Record<string, Value>> {
      const own = layers(config);
      const axes = Array<number>(own.headWidth / 2).fill(0);
      return namedStates(
        decoderStates(s, input_ids!, attention_mask, {
          ...decoderOptionsOf(config),
          ...own,
          places: places && { ids: s.cast(places, "float32"), count: 1, axes },
        }),
      );
    },
  };
}

/** What a class that reads images too says of its layers. */
export type VisionDecoderLayers = Omit<DecoderLayers, "places" | "given"> & {
  /** Which of time, row and column turns each pair of a head's channels. */
  readonly axes: readonly number[];
  /** The id of the token that stands for patches of an image. */
  readonly token: number;
  /** How many layers take states of images of their own. Defaults to 0. */
  readonly deepLayers?: number | undefined;
};

/**
 * The graph of a decoder language model that reads images too: as {@linkcode decoderGraph}, with `places` float32
 * [tokens, 3], `image_states` [N, tokens, C] in the place of the images' tokens and `deep_states` [layers, N,
 * tokens, C], which are added after the first layers.
 *
 * @param layers What the config's options say of the class's layers.
 */
export function visionDecoderGraph<C extends LanguageModelConfig>(
  layers: (config: FrozenConfig<C>) => VisionDecoderLayers,
): GraphDefinition<C> {
  return {
    cut: true,
    inputs(config) {
      const { deepLayers = 0 } = layers(config);
      const deep = float32(deepLayers, "batch", "tokens", config.hidden_size);
      return {
        input_ids: int64("batch", "tokens"),
        attention_mask: optional(int64("batch", "tokens")),
        places: optional({ ...float32("tokens", 3), exact: true }),
        image_states: optional(float32("batch", "tokens", config.hidden_size)),
        ...(deepLayers > 0 ? { deep_states: optional(deep) } : {}),
      };
    },
    build(s, config, inputs): Readonly<Record<string, Value>> {
      const { input_ids, attention_mask, places, image_states, deep_states: deep } = inputs;
      const { axes, token, deepLayers, ...own } = layers(config);
      return namedStates(
        decoderStates(s, input_ids!, attention_mask, {
          ...decoderOptionsOf(config),
          ...own,
          places: places && { ids: places, count: 3, axes },
          given: image_states && { token, states: image_states, deep, deepLayers },
        }),
      );
    },
  };
}

import type { FrozenConfig } from "@denoise/core";
import type { Value } from "../graph/mod.ts";
import { type LanguageModelConfig, namedStates } from "../language_model.ts";
import { type GraphDefinition, int64, optional } from "../model_definition.ts";
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
      const sections = [own.headWidth / 2];
      return namedStates(
        decoderStates(s, input_ids!, attention_mask, {
          ...decoderOptionsOf(config),
          ...own,
          places: places && { ids: s.cast(places, "float32"), sections },
        }),
      );
    },
  };
}

import type { Scope, Value } from "../graph/mod.ts";
import { activation, add, attention, layerNorm, linear } from "../nn/mod.ts";

/** What shapes the layers of a CLIP encoder, as it stands in config.json. */
export interface ClipEncoderConfig {
  /** Attention heads of a layer. */
  readonly num_attention_heads: number;
  /** Number of layers. */
  readonly num_hidden_layers: number;
  /** Activation between the two linear layers. */
  readonly hidden_act: string;
  /** Added to the variance in each normalisation. */
  readonly layer_norm_eps: number;
}

/** Self-attention and feed forward, each after a normalization and added (`CLIPEncoderLayer`). */
function encoderLayer(s: Scope, x: Value, config: ClipEncoderConfig, bias?: Value): Value {
  const self = s.at("self_attn");
  const eps = config.layer_norm_eps;
  const normal = layerNorm(s.at("layer_norm1"), x, { eps });
  const [query, key, value] = ["q_proj", "k_proj", "v_proj"].map((name) =>
    linear(self.at(name), normal)
  ) as [Value, Value, Value];
  const heads = config.num_attention_heads;
  const attended = attention(self, { query, key, value }, { heads, bias });
  const h = add(s, x, linear(self.at("out_proj"), attended));
  const hidden = linear(s.at("mlp.fc1"), layerNorm(s.at("layer_norm2"), h, { eps }));
  return add(s, h, linear(s.at("mlp.fc2"), activation(s, hidden, config.hidden_act)));
}

/**
 * The layers of a CLIP encoder (`CLIPEncoder`).
 *
 * @param x Embedded tokens, [N, tokens, width].
 * @param bias Added to the scores of attention, [1 or N, 1, tokens, tokens].
 * @returns The states before each layer and after the last one.
 */
export function clipEncoder(
  s: Scope,
  x: Value,
  config: ClipEncoderConfig,
  bias?: Value,
): Value[] {
  const states = [x];
  for (let i = 0; i < config.num_hidden_layers; i++) {
    states.push(encoderLayer(s.at("layers", i), states.at(-1)!, config, bias));
  }
  return states;
}

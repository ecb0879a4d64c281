import type { Scope, Value } from "../graph/mod.ts";
import { add, linear, mul, type Rotary, withinFloat16 } from "../nn/mod.ts";
import { feedForward } from "./feed_forward.ts";
import { JOINT_STREAMS, jointAttention, projectHeads } from "./joint_attention.ts";
import { modulatedNorm } from "./modulation.ts";
import { timestepEmbedding, timestepWaves } from "./timestep_embedding.ts";

/** How names of the parts of text and image begin. */
const PARTS = ["txt", "img"] as const;

/** Options of {@linkcode qwenImageBlock}. */
export interface QwenImageBlockOptions {
  /** How many heads. */
  readonly heads: number;
  /** Channels of a token. */
  readonly width: number;
  /** Positions of all tokens, those of the text first. */
  readonly rotary: Rotary;
  /** Six vectors [N, 1, C] or [N, tokens, C] for a part, made by its layer. */
  modulated(layer: Scope, part: "txt" | "img"): readonly Value[];
}

/**
 * Text and image attend to each other, each with weights of its own (`QwenImageTransformerBlock`).
 *
 * @param streams Text and image, each [N, tokens of it, C].
 */
export function qwenImageBlock(
  s: Scope,
  streams: readonly [text: Value, image: Value],
  { heads, width, rotary, modulated }: QwenImageBlockOptions,
): [text: Value, image: Value] {
  const attn = s.at("attn");
  const modulations = PARTS.map((part) => modulated(s.at(`${part}_mod.1`), part));
  const projected = JOINT_STREAMS.map(({ names, norms }, i) => {
    const [shift, scale] = modulations[i]! as [Value, Value];
    const normal = modulatedNorm(s, streams[i]!, [scale, shift], { width });
    return projectHeads(attn, normal, { heads, names, norms });
  });
  const attended = jointAttention(attn, projected, { heads, rotary });
  const made = JOINT_STREAMS.map(({ out }, i) => linear(attn.at(out), attended[i]!));
  s.graph.markModule(attn.path, made);
  return JOINT_STREAMS.map((_, i) => {
    const [, , gate, shift, scale, gateFf] = modulations[i]! as Value[];
    const x = add(s, streams[i]!, mul(s, gate!, made[i]!));
    const normal = modulatedNorm(s, x, [scale!, shift!], { width });
    const fed = feedForward(s.at(`${PARTS[i]!}_mlp`), normal, { activation: "gelu-approximate" });
    return withinFloat16(s, add(s, x, mul(s, gateFf!, fed)));
  }) as [Value, Value];
}

/**
 * `QwenTimestepProjEmbeddings`: [N, C].
 *
 * @param timestep [N], 0..1.
 * @param addition Numbers of vectors that are added, [N].
 */
export function qwenImageTime(s: Scope, timestep: Value, addition?: Value): Value {
  const waves = timestepWaves(s, timestep, { scale: 1000 });
  const temb = timestepEmbedding(s.at("timestep_embedder"), waves);
  if (addition === undefined) return temb;
  const table = s.tensor("addition_t_embedding.weight");
  return add(s, temb, s.op("Gather", [table, s.cast(addition, "int64")], { axis: 0 }));
}

import type { Scope, Value } from "../graph/mod.ts";
import { add, concat, linear, mul, type Rotary, splitLike } from "../nn/mod.ts";
import { attendImages } from "./attention_block.ts";
import { activated, feedForward } from "./feed_forward.ts";
import { JOINT_STREAMS, jointAttention, projectHeads } from "./joint_attention.ts";
import { modulatedNorm } from "./modulation.ts";

/** Options of {@linkcode fluxDoubleBlock} and {@linkcode fluxSingleBlock}. */
export interface FluxBlockOptions {
  /** How many heads. */
  readonly heads: number;
  /** Channels of a token. */
  readonly width: number;
  /** Positions of all tokens, those of the text first. */
  readonly rotary: Rotary;
  /** Added to the scores of attention, [N or 1, heads or 1, tokens, tokens]. */
  readonly bias?: Value | undefined;
  /** What is between the linear layers of feed forwards. Defaults to `"gelu-approximate"`. */
  readonly activation?: "gelu-approximate" | "swiglu" | undefined;
  /** Tokens of the images of each IP-Adapter, which blocks of the first kind look at, [N, tokens, D]. */
  readonly images?: readonly Value[] | undefined;
}

/** Names of the feed forwards of text and image. */
const FEED_FORWARDS = ["ff_context", "ff"] as const;

/** Shift, scale and gate of attention, then of feed forward, each [N, 1, C]. */
export type FluxModulation = readonly Value[];

/**
 * Text and image attend to each other, each with weights of its own (`FluxTransformerBlock`).
 *
 * @param streams Text and image, each [N, tokens of it, C].
 * @param modulations Six vectors for each of the two.
 */
function fluxDoubleBlock(
  s: Scope,
  streams: readonly [text: Value, image: Value],
  modulations: readonly [text: FluxModulation, image: FluxModulation],
  { heads, width, rotary, bias, activation = "gelu-approximate", images = [] }: FluxBlockOptions,
): [text: Value, image: Value] {
  const attn = s.at("attn");
  const projected = JOINT_STREAMS.map(({ names, norms }, i) => {
    const [shift, scale] = modulations[i]! as [Value, Value];
    const normal = modulatedNorm(s, streams[i]!, [scale, shift], { width });
    return projectHeads(attn, normal, { heads, names, norms });
  });
  const attended = jointAttention(attn, projected, { heads, rotary, bias });
  const made: Value[] = [];
  const results = JOINT_STREAMS.map(({ out }, i) => {
    const [, , gate, shift, scale, gateFf] = modulations[i]! as Value[];
    made[i] = linear(attn.at(out), attended[i]!);
    const x = add(s, streams[i]!, mul(s, gate!, made[i]!));
    const normal = modulatedNorm(s, x, [scale!, shift!], { width });
    const fed = feedForward(s.at(FEED_FORWARDS[i]!), normal, { activation });
    return add(s, x, mul(s, gateFf!, fed));
  }) as [Value, Value];
  s.graph.markModule(attn.path, made);
  const [madeText, madeImage] = results;
  const { query } = projected[1]!;
  return [madeText, attendImages(attn, madeImage, query, images, { heads, bias: true })];
}

/**
 * Attention and feed forward side by side on one row of tokens (`FluxSingleTransformerBlock`).
 *
 * @param x Text, then image, [N, tokens, C].
 * @param modulation Shift, scale and gate, each [N, 1, C].
 */
function fluxSingleBlock(
  s: Scope,
  x: Value,
  modulation: FluxModulation,
  { heads, width, rotary, bias, activation = "gelu-approximate" }: FluxBlockOptions,
): Value {
  const [shift, scale, gate] = modulation as [Value, Value, Value];
  const normal = modulatedNorm(s, x, [scale, shift], { width });
  const projected = projectHeads(s.at("attn"), normal, { heads });
  const [attended] = jointAttention(s.at("attn"), [projected], { heads, rotary, bias }) as [Value];
  s.graph.markModule(`${s.path}.attn`, [attended]);
  const hidden = activated(s, linear(s.at("proj_mlp"), normal), activation);
  const out = linear(s.at("proj_out"), concat(s, [attended, hidden], -1));
  return add(s, x, mul(s, gate, out));
}

/** Blocks of both kinds in a row: what makes their modulations, and what takes their results. */
export interface FluxBlocks extends FluxBlockOptions {
  /** How many blocks in which text and image have weights of their own. */
  readonly double: number;
  /** How many in which they share them. */
  readonly single: number;
  /** Six vectors for text and image of a block of the first kind. */
  doubleModulation(
    block: Scope,
    index: number,
  ): readonly [text: FluxModulation, image: FluxModulation];
  /** Three vectors for one of the second kind. */
  singleModulation(block: Scope, index: number): FluxModulation;
  /** What goes on of the image after a block. Defaults to all of it as it is. */
  after?(kind: "double" | "single", index: number, image: Value): Value;
}

/**
 * The blocks of FLUX.1, in a model whose timesteps go from 0 to 1: the image's tokens after all of them, [N, tokens, C].
 *
 * @param streams Text and image, each [N, tokens of it, C].
 */
export function fluxBlocks(
  s: Scope,
  streams: readonly [text: Value, image: Value],
  blocks: FluxBlocks,
): Value {
  let [text, image] = streams;
  s.graph.markTimestepScale(1000);
  s.graph.markBlock([image, text]);
  for (let i = 0; i < blocks.double; i++) {
    const block = s.at("transformer_blocks", i);
    const modulations = blocks.doubleModulation(block, i);
    [text, image] = fluxDoubleBlock(block, [text, image], modulations, blocks);
    image = blocks.after?.("double", i, image) ?? image;
    s.graph.markBlock([image, text]);
  }
  let row = concat(s, [text, image], 1);
  let last: Value | undefined;
  const split = () => splitLike(s, row, [text, image], 1) as [Value, Value];
  const isFirst = blocks.double === 0;
  for (let i = 0; i < blocks.single; i++) {
    const block = s.at("single_transformer_blocks", i);
    row = fluxSingleBlock(block, row, blocks.singleModulation(block, i), blocks);
    const isEdge = i === blocks.single - 1 || (isFirst && i === 0);
    if (blocks.after === undefined && !isEdge) continue;
    const [words, made] = split();
    const changed = blocks.after?.("single", i, made) ?? made;
    if (isEdge) s.graph.markBlock([changed, words]);
    last = changed;
    if (changed !== made) row = concat(s, [words, changed], 1);
  }
  return last ?? image;
}

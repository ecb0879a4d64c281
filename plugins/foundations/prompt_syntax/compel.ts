import { Tensor } from "@denoise/core";
import type { Tokenizer } from "@denoise/roles";
import { type CompelPrompt, parseCompel } from "./compel_syntax.ts";
import type { Piece } from "./piece.ts";
import type { SyntaxEncoder, TextStates } from "./text_states.ts";
import { idsOf, layoutOf, type Row, rowTensor, type WeighedIds } from "./tokens.ts";

/** What a prompt of compel is encoded with. */
interface Encoder extends SyntaxEncoder {
  /** States of no words, [1, tokens, width]; made when they are first needed. */
  empty(): Promise<Tensor>;
}

/**
 * The states of a prompt as compel 2 makes them (`CompelForSD`, `CompelForSDXL`): a weight moves the state of a token
 * away from that of no words; below 1, states of the same prompt in which its tokens are hidden are blended in.
 * Long prompts stand in several rows, ended behind a sentence, else a phrase, else a word. Pooled is the state
 * of the text as it was written, syntax and all, cut after the first row.
 */
export async function encodeCompel(
  { tokenizer, states }: SyntaxEncoder,
  text: string,
  empty: () => Promise<Tensor>,
): Promise<TextStates> {
  const encoder = { tokenizer, states, empty };
  const parts: Tensor[] = [];
  for (const { prompt, weight } of parseCompel(text)) {
    const embeds = await encodePrompt(encoder, prompt);
    parts.push(weight === 1 ? embeds : await weighAll(encoder, embeds, weight));
  }
  const { inputIds } = tokenizer.encode(text, { padding: "max_length", truncation: true });
  const { pooled } = await states(inputIds);
  return { embeds: Tensor.cat(parts, 1), pooled };
}

async function encodePrompt(encoder: Encoder, prompt: CompelPrompt): Promise<Tensor> {
  if ("pieces" in prompt) return await encodePieces(encoder, prompt.pieces);
  const all = await Promise.all(prompt.blend.map((pieces) => encodePieces(encoder, pieces)));
  const tokens = Math.max(...all.map(({ dims }) => dims[1]!));
  const padded = await Promise.all(all.map((embeds) => padTo(encoder.empty, embeds, tokens)));
  return blended(padded, prompt.weights, prompt.normalizes);
}

/** States of several prompts as one. */
function blended(all: readonly Tensor[], weights: readonly number[], normalizes: boolean): Tensor {
  const sum = normalizes ? weights.reduce((sum, weight) => sum + weight, 0) : 1;
  return all.map((embeds, i) => embeds.mul(weights[i]! / sum)).reduce((a, b) => a.add(b));
}

/** The states with those of no words behind them, until there are so many. */
export async function padTo(
  empty: () => Promise<Tensor>,
  embeds: Tensor,
  tokens: number,
): Promise<Tensor> {
  const missing = tokens - embeds.dims[1]!;
  if (missing === 0) return embeds;
  const row = await empty();
  return Tensor.cat([embeds, ...Array<Tensor>(missing / row.dims[1]!).fill(row)], 1);
}

/** Away from the states of no words, or towards them. */
async function weighAll(encoder: Encoder, embeds: Tensor, weight: number): Promise<Tensor> {
  const row = await encoder.empty();
  const empty = await padTo(encoder.empty, row, embeds.dims[1]!);
  return empty.add(embeds.sub(empty).mul(weight));
}

async function encodePieces(encoder: Encoder, pieces: readonly Piece[]): Promise<Tensor> {
  const { tokenizer, states } = encoder;
  const layout = layoutOf(tokenizer);
  const found = pieces.map(({ text, weight }) => {
    const ids = idsOf(tokenizer, text);
    return { ids, weights: ids.map(() => weight), weight };
  });
  const rows = cut(tokenizer, {
    ids: found.flatMap(({ ids }) => ids),
    weights: found.flatMap(({ weights }) => weights),
  }, layout.room).map(layout.row);
  const less = weakened(found, rows, layout.limit);
  const ids = rowTensor(rows.map((row) => row.ids));
  const all = [1, ...less];
  const mask = less.length === 0 ? undefined : Tensor.cat(
    [Tensor.full(ids.dims, 1, "int64"), ...less.map(({ mask }) => mask.reshape(ids.dims))],
  );
  const { embeds } = await states(ids.repeat([all.length, 1]), mask);
  const weights = rows.map((row) => row.weights);
  const weighed: Tensor[] = [];
  for (const variant of embeds.chunk(all.length)) {
    const parts: Tensor[] = [];
    for (const [i, row] of variant.chunk(rows.length).entries()) {
      parts.push(await weigh(encoder, row, weights[i]!));
    }
    weighed.push(Tensor.cat(parts, 1));
  }
  return blended(weighed, [1, ...less.map(({ share }) => share)], true);
}

/** For each piece that counts less than 1, what hides it, and how much of the states without it is blended in. */
function weakened(
  pieces: readonly (WeighedIds & { readonly weight: number })[],
  rows: readonly Row[],
  limit: number,
): { readonly mask: Tensor; readonly share: number }[] {
  const places = rows.flatMap(({ length }, row) =>
    Array.from({ length }, (_, i) => row * limit + 1 + i)
  );
  let next = 0;
  return pieces.flatMap(({ ids, weight }) => {
    const [first, last] = [places[next], places[next + ids.length - 1]];
    next += ids.length;
    if (weight >= 1 || ids.length === 0) return [];
    const mask = Tensor.full([rows.length * limit], 1, "int64").map((_, i) => {
      const isEdge = i % limit === 0 || i % limit === limit - 1;
      return isEdge || i < first! || i > last! ? 1 : 0;
    });
    return [{ mask, share: Math.tan((1 - Math.max(1e-5, weight)) * Math.PI / 2) }];
  });
}

/** States of a row, [1, tokens, width], moved away from those of no words by the weights of their tokens. */
async function weigh(encoder: Encoder, row: Tensor, weights: readonly number[]): Promise<Tensor> {
  if (weights.every((weight) => weight === 1)) return row;
  const empty = await encoder.empty();
  const moved = empty.add(row.sub(empty).mul(Tensor.from(weights, [1, weights.length, 1])));
  const width = row.dims[2]!;
  const [own, other] = [row.data as Float32Array, moved.data as Float32Array];
  return row.map((_, i) => weights[Math.floor(i / width)] === 1 ? own[i]! : other[i]!);
}

/** Where a row may end, the best first. */
const ENDS: readonly ((token: string) => boolean)[] = [
  (token) => token === ".</w>",
  (token) => [".</w>", ",</w>", ";</w>", ":</w>"].includes(token),
  (token) => token.endsWith("</w>"),
];

/** The ids in rows of so many at most. */
function cut(tokenizer: Tokenizer, { ids, weights }: WeighedIds, room: number): WeighedIds[] {
  const rows: WeighedIds[] = [];
  let at = 0;
  do {
    const rest = ids.slice(at, at + room + 1);
    const names = rest.slice(0, room).map((id) => tokenizer.idToToken?.(id) ?? "");
    const best = ENDS.map((isEnd) => names.findLastIndex(isEnd)).find((index) => index >= 0);
    const length = rest.length <= room ? room : best === undefined ? room : best + 1;
    rows.push({ ids: ids.slice(at, at + length), weights: weights.slice(at, at + length) });
    at += length;
  } while (at < ids.length);
  return rows;
}

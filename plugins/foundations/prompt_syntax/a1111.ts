import { Tensor } from "@denoise/core";
import type { Tokenizer } from "@denoise/roles";
import { parseA1111 } from "./a1111_syntax.ts";
import type { SyntaxEncoder, TextStates } from "./text_states.ts";
import { idsOf, layoutOf, rowTensor, type WeighedIds } from "./tokens.ts";

/** How far behind a comma a row may be ended earlier, at that comma (`comma_padding_backtrack`). */
const BACKTRACK = 20;

/**
 * The states of a prompt as AUTOMATIC1111's web interface makes them (`sd_hijack_clip.py`, emphasis "Original"): rows
 * of 75 tokens, ended at a comma of the last 20 where one stands there, at `BREAK`, and before a learned
 * word that does not fit; states times the weights of their tokens, and all of a row brought back to the mean
 * that they had. Pooled is the state of the first row, without weights. The web interface takes the mean of all
 * prompts of a batch together; here it is that of a prompt, so that an image does not depend on its neighbours.
 */
export async function encodeA1111(
  { tokenizer, states }: SyntaxEncoder,
  text: string,
): Promise<TextStates> {
  const layout = layoutOf(tokenizer);
  const rows = rowsOf(tokenizer, text, layout.room).map(layout.row);
  const { embeds, pooled } = await states(rowTensor(rows.map(({ ids }) => ids)));
  const weighed = embeds.chunk(rows.length).map((row, i) => emphasized(row, rows[i]!.weights));
  return { embeds: Tensor.cat(weighed, 1), pooled: pooled?.slice(0, 0, 1) };
}

/** States of a row, [1, tokens, width], times weights, with the mean that they had. */
function emphasized(row: Tensor, weights: readonly number[]): Tensor {
  if (weights.every((weight) => weight === 1)) return row;
  const weighed = row.mul(Tensor.from(weights, [1, weights.length, 1]));
  return weighed.mul(mean(row) / mean(weighed));
}

function mean({ data, size }: Tensor): number {
  return (data as Float32Array).reduce((sum, value) => sum + value, 0) / size;
}

/** The ids of a prompt in rows of so many at most. */
function rowsOf(tokenizer: Tokenizer, text: string, room: number): WeighedIds[] {
  const comma = idsOf(tokenizer, ",").at(-1);
  const rows: WeighedIds[] = [];
  let ids: number[] = [];
  let weights: number[] = [];
  let lastComma = -1;
  const end = (at = ids.length) => {
    rows.push({ ids: ids.slice(0, at), weights: weights.slice(0, at) });
    [ids, weights, lastComma] = [ids.slice(at), weights.slice(at), -1];
  };
  parseA1111(text).forEach((pieces, part) => {
    if (part > 0) end();
    for (const { text, weight } of pieces) {
      const tokens = idsOf(tokenizer, text);
      for (let at = 0; at < tokens.length;) {
        const word = tokens.slice(at, at + (tokenizer.wordLength?.(tokens[at]!) ?? 1));
        const isFull = ids.length === room;
        if (tokens[at] === comma) lastComma = ids.length;
        else if (isFull && lastComma !== -1 && room - lastComma <= BACKTRACK) end(lastComma + 1);
        if (ids.length > 0 && ids.length + word.length > room) end();
        ids.push(...word);
        weights.push(...word.map(() => weight));
        at += word.length;
      }
    }
  });
  if (ids.length > 0 || rows.length === 0) end();
  return rows;
}

import { DenoiseError, Tensor } from "@denoise/core";
import type { Tokenizer } from "@denoise/roles";

/** Ids of a prompt, with a weight each. */
export interface WeighedIds {
  /** Token ids, without those that begin and end a row. */
  readonly ids: readonly number[];
  /** How much each counts. */
  readonly weights: readonly number[];
}

/** A row of ids as the text encoder reads it. */
export interface Row extends WeighedIds {
  /** How many of them are of the prompt; they stand behind the first. */
  readonly length: number;
}

/** What stands around the ids of a row. */
export interface RowLayout {
  /** Ids of a row, special ones included. */
  readonly limit: number;
  /** Of those, the prompt's at most. */
  readonly room: number;
  /** A row of these ids, filled up. */
  row(ids: WeighedIds): Row;
}

/** Ids of a text alone. */
export function idsOf(tokenizer: Tokenizer, text: string): number[] {
  const { inputIds } = tokenizer.encode(text, { addSpecialTokens: false });
  return Array.from(inputIds.data, Number);
}

/** How rows of a tokenizer begin, end and are filled up. */
export function layoutOf(tokenizer: Tokenizer): RowLayout {
  const limit = tokenizer.modelMaxLength;
  const { inputIds } = tokenizer.encode("", { padding: "max_length" });
  const [first, last, pad = last] = Array.from(inputIds.data, Number) as [number, number, number?];
  const { inputIds: bare } = tokenizer.encode("");
  if (bare.size !== 2 || inputIds.size !== limit) {
    throw new DenoiseError(
      "unsupported_option",
      `Cannot weigh the words of a prompt with a ${tokenizer.className}: its rows must begin and end with one ` +
        `token each, as CLIP's do; leave promptSyntax out`,
    );
  }
  const room = limit - 2;
  return {
    limit,
    room,
    row: ({ ids, weights }) => {
      const free = room - ids.length;
      if (free < 0) {
        throw new RangeError(
          `Cannot put a learned word of ${ids.length} vectors into a row of ${room}: it is too long`,
        );
      }
      return {
        ids: [first, ...ids, last, ...Array<number>(free).fill(pad!)],
        weights: [1, ...weights, 1, ...Array<number>(free).fill(1)],
        length: ids.length,
      };
    },
  };
}

/** Rows as the text encoder takes them, int64 [rows, tokens]. */
export function rowTensor(rows: readonly (readonly number[])[]): Tensor {
  return Tensor.from(rows.flat(), [rows.length, rows[0]!.length], "int64");
}

import { type JsonObject, Tensor } from "@denoise/core";

/** Beyond this a text takes seconds of CPU, for a row of 77 tokens. */
const MAX_CHARACTERS = 65_536;

/** How rows are filled up and cut. */
export interface PadOptions {
  /** What a row is filled up with. */
  readonly id: number;
  /** On which side a row is filled up. */
  readonly side: "left" | "right";
  /** On which side a text is cut. */
  readonly truncationSide: "left" | "right";
}

/** How the files of a tokenizer have rows filled up and cut, with that id and on the right unless they say so. */
export function padOptions(config: JsonObject, id: number): PadOptions {
  const side = (name: string) => config[name] === "left" ? "left" : "right";
  return { id, side: side("padding_side"), truncationSide: side("truncation_side") };
}

/** The text itself, if it is one that can be encoded. */
export function checkLength(text: unknown): string {
  if (typeof text !== "string") {
    throw new TypeError(
      `Cannot encode ${text === null ? "null" : typeof text}: give a string or an array of strings`,
    );
  }
  if (text.length > MAX_CHARACTERS) {
    throw new RangeError(
      `Cannot encode a text of ${text.length} characters: at most ${MAX_CHARACTERS} are read, ` +
        `of which a model takes some dozens of words; shorten ${
          JSON.stringify(text.slice(0, 40))
        }...`,
    );
  }
  return text;
}

/** The tokens of a row, in which so many special ones must fit. */
export function rowLimit(maxLength: number, special: number): number {
  if (!Number.isSafeInteger(maxLength) || maxLength < special) {
    throw new RangeError(
      `Cannot encode into rows of ${maxLength} tokens: maxLength must be an integer from ${special}`,
    );
  }
  return maxLength;
}

/** The first (or last) ids of a text. */
export function truncate(ids: number[], count: number, side: "left" | "right"): number[] {
  if (ids.length <= count) return ids;
  return side === "right" ? ids.slice(0, count) : ids.slice(ids.length - count);
}

/** The ids of a text that {@linkcode truncate} does not keep. */
export function cutOff(ids: number[], count: number, side: "left" | "right"): number[] {
  const more = Math.max(0, ids.length - count);
  return side === "right" ? ids.slice(ids.length - more) : ids.slice(0, more);
}

/** Rows of token ids as tensors. */
export interface Encoding {
  /** int64 [N, tokens]. */
  readonly inputIds: Tensor;
  /** int64 [N, tokens], 1 where a token counts, 0 where the row was filled up. */
  readonly attentionMask: Tensor;
  /** For each text the ids that truncation has cut off. */
  readonly removed: readonly (readonly number[])[];
}

/** Rows as tensors, filled up to a length, to the longest of them, or not at all. */
export function padRows(
  rows: readonly (readonly number[])[],
  padding: number | "longest" | false,
  pad: PadOptions,
  removed: readonly (readonly number[])[] = rows.map(() => []),
): Encoding {
  const longest = Math.max(0, ...rows.map((row) => row.length));
  const length = typeof padding === "number" ? Math.max(padding, longest) : longest;
  const shortest = Math.min(...rows.map((row) => row.length));
  const isFilled = padding === "longest" || (typeof padding === "number" && longest <= padding);
  if (!isFilled && rows.length > 1 && shortest !== longest) {
    throw new RangeError(
      `Cannot make one tensor of rows of ${shortest} to ${longest} tokens: pass padding: ` +
        `"longest", or padding: "max_length" with truncation: true`,
    );
  }
  const ids = new BigInt64Array(rows.length * length);
  const mask = new BigInt64Array(rows.length * length);
  rows.forEach((row, n) => {
    const start = n * length;
    ids.fill(BigInt(pad.id), start, start + length);
    const first = start + (pad.side === "right" ? 0 : length - row.length);
    row.forEach((id, i) => ids[first + i] = BigInt(id));
    mask.fill(1n, first, first + row.length);
  });
  const dims = [rows.length, length];
  return {
    inputIds: new Tensor("int64", ids, dims),
    attentionMask: new Tensor("int64", mask, dims),
    removed,
  };
}

/**
 * The ids of each row.
 *
 * @param ids Integers [N, tokens] or [tokens].
 * @throws {TypeError} for a tensor of other dimensions.
 */
export function idRows(ids: Tensor): number[][] {
  if (ids.dims.length < 1 || ids.dims.length > 2) {
    throw new TypeError(`Cannot decode ${ids}: it must be integers [N, tokens] or [tokens]`);
  }
  return (ids.dims.length === 1 ? ids.unsqueeze(0) : ids).toNested() as number[][];
}

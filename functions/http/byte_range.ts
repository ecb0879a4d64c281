/** A part of a file: its first byte, and the one behind its last. */
export interface ByteRange {
  /** Counted from 0. */
  readonly start: number;
  /** Counted from 0, left out itself. */
  readonly end: number;
}

/**
 * The part that a `Range` header asks for (RFC 9110, 14): players of audio ask so, and some play nothing
 * without it. `undefined` for the whole file, of other units and of several parts too.
 *
 * @returns `"unsatisfiable"` for one that begins behind the end.
 */
export function byteRange(
  header: string | undefined,
  size: number,
): ByteRange | "unsatisfiable" | undefined {
  const [, first = "", last = ""] = header?.match(/^bytes=(\d{0,15})-(\d{0,15})$/) ?? [];
  if (first === "" && last === "") return undefined;
  if (first === "") {
    const start = Math.max(0, size - Number(last));
    return last === "0" || size === 0 ? "unsatisfiable" : { start, end: size };
  }
  const start = Number(first);
  const end = last === "" ? size : Math.min(size, Number(last) + 1);
  if (last !== "" && Number(last) < start) return undefined; // no range at all
  return start >= size ? "unsatisfiable" : { start, end };
}

/**
 * The normalization that SentencePiece compiles into a model (`precompiled_charsmap`): a double
 * array trie (Aoe, 1989; Darts) of byte strings, and the texts that stand in their places.
 *
 * Graphemes of under six bytes are looked up as a whole, and everything else by character; what a
 * string begins with stands for all of it. So does the `Precompiled` normalizer of tokenizers.
 */
export interface Charsmap {
  /** The text with its characters replaced. */
  normalize(text: string): string;
  /**
   * What SentencePiece itself puts in the place of the longest string of the table that these bytes begin with, and how many
   * of them that is.
   */
  longestPrefix(bytes: Uint8Array): readonly [text: string, length: number] | undefined;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** From here on a grapheme is looked up by character. */
const LONG_GRAPHEME = 6;

/**
 * Reads it: the size of the trie in bytes, the trie, and texts that end in zero.
 *
 * @throws {RangeError} when the trie does not fit into the bytes.
 */
export function readCharsmap(bytes: Uint8Array): Charsmap {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = bytes.length < 4 ? NaN : view.getUint32(0, true);
  if (!(size % 4 === 0 && 4 + size <= bytes.length)) {
    throw new RangeError(`a table of ${bytes.length} bytes cannot hold a trie of ${size}`);
  }
  const units = Uint32Array.from({ length: size / 4 }, (_, i) => view.getUint32(4 + 4 * i, true));
  const texts = bytes.subarray(4 + size);

  const textAt = (start: number): string => {
    const end = texts.indexOf(0, start);
    return decoder.decode(texts.subarray(start, end === -1 ? undefined : end));
  };
  const replaced = (part: Uint8Array): string | undefined => {
    const [found] = prefixes(units, part);
    return found === undefined ? undefined : textAt(found[0]);
  };
  const byCharacter = (grapheme: string): string =>
    Array.from(grapheme, (char) => replaced(encoder.encode(char)) ?? char).join("");

  return {
    normalize(text) {
      return Array.from(graphemes.segment(text), ({ segment }) => {
        const part = encoder.encode(segment);
        const whole = part.length < LONG_GRAPHEME ? replaced(part) : undefined;
        return whole ?? byCharacter(segment);
      }).join("");
    },
    longestPrefix(bytes) {
      const found = [...prefixes(units, bytes)].at(-1);
      return found === undefined ? undefined : [textAt(found[0]), found[1]];
    },
  };
}

/** Where the units that follow on one begin, relative to it. */
function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}

/** The values and lengths of the strings in the trie that the bytes begin with, the shortest first. */
function* prefixes(
  units: Uint32Array,
  bytes: Uint8Array,
): Generator<readonly [value: number, length: number]> {
  let at = offsetOf(units[0] ?? 0);
  for (const [i, byte] of bytes.entries()) {
    if (byte === 0) return;
    at ^= byte;
    const unit = units[at] ?? 0;
    const label = (unit & 0x800000ff) >>> 0;
    if (label !== byte) return;
    at ^= offsetOf(unit);
    const isEnd = (unit >>> 8 & 1) === 1;
    if (isEnd) yield [(units[at] ?? 0) & 0x7fffffff, i + 1];
  }
}

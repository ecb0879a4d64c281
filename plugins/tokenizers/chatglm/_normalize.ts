import type { Charsmap, Piece, SentencePieceModel } from "@denoise/tokenizers";

/** What stands for a space in pieces. */
export const SPACE = "▁";

const encoder = new TextEncoder();

/** The longest of some texts that stands at a place of a text, or "". */
export type FindAt = (text: string, at: number) => string;

/** Finds what a user has defined, which is never changed or split: pieces of type 4. */
export function fixedIn(pieces: readonly Piece[]): FindAt {
  const texts = pieces.filter(({ type }) => type === 4).map(({ text }) => text);
  const byFirst = Map.groupBy(texts, (text) => text[0]);
  for (const same of byFirst.values()) same.sort((a, b) => b.length - a.length);
  return (text, at) => byFirst.get(text[at])?.find((one) => text.startsWith(one, at)) ?? "";
}

/**
 * What SentencePiece makes of a text before it is split (`Normalizer` in normalizer.cc): at each place the longest
 * string of the table is replaced, `▁` stands for spaces, one of them before the text; the model says whether others are taken away.
 */
export function normalizer(
  { addDummyPrefix, removeExtraWhitespaces }: SentencePieceModel,
  charsmap: Charsmap | undefined,
  fixedAt: FindAt,
): (text: string) => string {
  const parts = (text: string): string[] => {
    const bytes = charsmap && encoder.encode(text);
    const found: string[] = [];
    for (let at = 0, byte = 0; at < text.length;) {
      const fixed = fixedAt(text, at);
      const char = fixed || String.fromCodePoint(text.codePointAt(at)!);
      const longest = fixed === "" ? charsmap?.longestPrefix(bytes!.subarray(byte)) : undefined;
      const [part, length] = longest ?? [char, encoder.encode(char).length];
      found.push(part);
      byte += length;
      // a string of the table may be longer than a character
      at += longest === undefined ? char.length : charactersIn(text, at, length);
    }
    return found;
  };
  return (text) => {
    const found = parts(text);
    const first = removeExtraWhitespaces ? found.findIndex((part) => part !== " ") : 0;
    if (found.length === 0 || first === -1) return "";
    let whole = addDummyPrefix ? SPACE : "";
    let isAfterSpace = removeExtraWhitespaces;
    for (const part of found.slice(first)) {
      const kept = isAfterSpace ? part.replace(/^ +/, "") : part;
      whole += kept.replaceAll(" ", SPACE);
      if (removeExtraWhitespaces && kept !== "") isAfterSpace = kept.endsWith(" ");
    }
    return removeExtraWhitespaces ? whole.replace(/▁+$/, "") : whole;
  };
}

/** How many UTF-16 units of a text so many bytes of UTF-8 are. */
function charactersIn(text: string, at: number, bytes: number): number {
  let end = at;
  for (let left = bytes; left > 0;) {
    const char = String.fromCodePoint(text.codePointAt(end)!);
    left -= encoder.encode(char).length;
    end += char.length;
  }
  return end - at;
}

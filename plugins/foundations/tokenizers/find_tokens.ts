import type { PlacedToken } from "./special_tokens.ts";

/** What counts as part of a word, for tokens that are not found inside of one. */
const WORD = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;

/** A stretch of text, or the token that was found in its place. */
export type TextPart = string | PlacedToken;

/**
 * Cuts added tokens out of texts: at each place the longest one, from left to right.
 *
 * @param contentOf How a token stands in the texts, such as normalized.
 * @returns What cuts a text into stretches of text and the tokens between them.
 */
function findTokens(
  added: readonly PlacedToken[],
  contentOf: (token: string) => string,
): (text: string) => TextPart[] {
  const tokens = new Map(added.map((token) => [contentOf(token.content), token]));
  tokens.delete("");
  if (tokens.size === 0) return (text) => [text];
  const longestFirst = [...tokens.keys()].toSorted((a, b) => b.length - a.length);
  const pattern = new RegExp(longestFirst.map((token) => RegExp.escape(token)).join("|"), "gu");
  return (text) => {
    const parts: TextPart[] = [];
    let start = 0;
    for (const { 0: content, index } of text.matchAll(pattern)) {
      const token = tokens.get(content)!;
      const end = index + content.length;
      if (token.single_word && isInWord(text, index, end)) continue;
      const before = text.slice(start, index);
      parts.push(token.lstrip ? before.trimEnd() : before, token);
      start = token.rstrip ? end + text.slice(end).match(/^\s*/)![0].length : end;
    }
    return [...parts, text.slice(start)];
  };
}

/**
 * Ids of texts whose added tokens are cut out first: those that are looked for as they are, then, in the
 * normalized rest, the others.
 *
 * @param encode Ids of a stretch of normalized text, and whether the whole text begins with it.
 */
export function encodeBetween(
  added: readonly PlacedToken[],
  normalize: (text: string) => string,
  encode: (text: string, isFirst: boolean) => number[],
): (text: string) => number[] {
  const inText = findTokens(added.filter(({ normalized }) => !normalized), (token) => token);
  const inNormalized = findTokens(added.filter(({ normalized }) => normalized), normalize);
  const idsOf = (parts: readonly TextPart[], idsOfText: typeof encode): number[] =>
    parts.flatMap((part, i) => typeof part === "string" ? idsOfText(part, i === 0) : [part.id]);
  return (text) =>
    idsOf(
      inText(text.toWellFormed()),
      (rest, isFirst) =>
        idsOf(inNormalized(normalize(rest)), (part, isFirstHere) =>
          encode(part, isFirst && isFirstHere)),
    );
}

function isInWord(text: string, start: number, end: number): boolean {
  const before = Array.from(text.slice(Math.max(0, start - 2), start)).at(-1) ?? "";
  const [after = ""] = text.slice(end, end + 2);
  return WORD.test(before) || WORD.test(after);
}

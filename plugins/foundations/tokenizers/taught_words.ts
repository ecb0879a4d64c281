import type { JsonObject } from "@denoise/core";
import type { UnknownWords } from "@denoise/roles";

/** `taught` of tokenizer_config.json: what a small model was trained on. */
interface Taught {
  readonly model: string;
  /** All words of its captions, one space between two. */
  readonly words: string;
  /** What it draws where it knows no word of a prompt. */
  readonly otherwise: string;
}

/**
 * What of a text a model does not know, by the words that tokenizer_config.json lists as `taught`; a model that
 * lists none, as most do, may know any. A plural is known with its singular, and the other way round.
 */
export function unknownWordsBy(
  { taught }: JsonObject,
): ((text: string) => UnknownWords | undefined) | undefined {
  if (!isTaught(taught)) return undefined;
  const known = new Set(taught.words.split(" "));
  const isKnown = (word: string) =>
    [word, `${word}s`, word.replace(/s$/, ""), word.replace(/es$/, "")]
      .some((form) => known.has(form));
  return (text) => {
    const all = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
    const strange = all.filter((word) => !isKnown(word));
    if (strange.length === 0) return undefined;
    const knowsNone = all.every((word) => strange.includes(word) || /^(an?|the|of|in)$/.test(word));
    return { model: taught.model, words: strange, ...(knowsNone && { draws: taught.otherwise }) };
  };
}

function isTaught(value: unknown): value is Taught {
  return typeof value === "object" && value !== null &&
    ["model", "words", "otherwise"].every((key) =>
      typeof (value as Readonly<Record<string, unknown>>)[key] === "string"
    );
}

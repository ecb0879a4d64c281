import type { JsonObject } from "@denoise/core";
import type { UnknownWords } from "@denoise/roles";
import { closest, distance } from "fastest-levenshtein";

/** `taught` of tokenizer_config.json: what a small model was trained on. */
interface Taught {
  readonly model: string;
  /** All words of its captions, one space between two. */
  readonly words: string;
  /** What it draws where it knows no word of a prompt. */
  readonly otherwise: string;
  /** Words that are no caption's, with a comma between two, by the name that is nearest in meaning. */
  readonly near?: Readonly<Record<string, string>> | undefined;
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
  const isKnown = (word: string) => singulars(word).some((form) => known.has(form));
  let nearest: ReturnType<typeof nearestBy> | undefined; // made for the first text with a strange word
  return (text) => {
    const all = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
    const strange = all.filter((word) => !isKnown(word));
    if (strange.length === 0) return undefined;
    const knowsNone = all.every((word) => strange.includes(word) || /^(an?|the|of|in)$/.test(word));
    const near = (nearest ??= nearestBy(taught))(all, strange);
    return {
      model: taught.model,
      words: strange,
      ...(knowsNone && { draws: taught.otherwise }),
      ...(near.length > 0 && { near }),
    };
  };
}

function singulars(word: string): string[] {
  return [word, `${word}s`, word.replace(/s$/, ""), word.replace(/es$/, "")];
}

/** Finds names for strange words of a text: of what means nearly the same, else of what is spelled nearly the same. */
function nearestBy({ words, near = {} }: Taught) {
  const names = new Map(
    Object.entries(near).flatMap(([name, alike]) =>
      alike.split(", ").map((word) => [word, name] as const)
    ),
  );
  const spelled = words.split(" ").filter((word) => word.length > 3);
  const byMeaning = (text: string) => singulars(text).flatMap((form) => names.get(form) ?? [])[0];
  return (all: readonly string[], strange: readonly string[]): string[] => {
    const found = new Set<string>();
    const left = new Set(strange);
    all.slice(1).forEach((second, i) => {
      const pair = [all[i]!, second];
      const name = byMeaning(pair.join(" "));
      if (name === undefined || !pair.some((word) => left.has(word))) return;
      found.add(name);
      for (const word of pair) left.delete(word);
    });
    for (const word of left) {
      const name = byMeaning(word) ?? (spelled.length > 0 ? alike(word, spelled) : undefined);
      if (name !== undefined) found.add(name);
    }
    return [...found];
  };
}

/** The known word that a word was probably meant to be: one letter off, or two in a long word. */
function alike(word: string, known: readonly string[]): string | undefined {
  const meant = closest(word, known);
  return distance(word, meant) <= (word.length > 6 ? 2 : 1) && word.length > 3 ? meant : undefined;
}

function isTaught(value: unknown): value is Taught {
  return typeof value === "object" && value !== null &&
    ["model", "words", "otherwise"].every((key) =>
      typeof (value as Readonly<Record<string, unknown>>)[key] === "string"
    );
}

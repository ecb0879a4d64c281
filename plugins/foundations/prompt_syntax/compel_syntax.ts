import { type Piece, unreadable } from "./piece.ts";

/** One prompt in pieces, or several whose states are blended by weights. */
export type CompelPrompt =
  | { readonly pieces: readonly Piece[] }
  | {
    /** The prompts in pieces. */
    readonly blend: readonly (readonly Piece[])[];
    /** How much of each. */
    readonly weights: readonly number[];
    /** Whether the weights are divided by their sum. */
    readonly normalizes: boolean;
  };

/** Prompts whose states stand one after another, with a weight each. */
export type CompelConjunction = readonly {
  readonly prompt: CompelPrompt;
  readonly weight: number;
}[];

type Node =
  | Piece
  | { readonly weight: number; readonly children: readonly Node[] }
  | { readonly refused: string }
  | { readonly blend: readonly (readonly Node[])[]; readonly weights: readonly string[] };

/** What is read from a place on, and where that ends; undefined where it does not stand there. */
type Parser<T> = (source: Source, at: number) => Found<T> | undefined;

interface Found<T> {
  readonly at: number;
  readonly out: T;
}

/** A text, and what was found in it: without that, brackets in brackets would be read ever so often. */
interface Source {
  readonly text: string;
  readonly found: Map<Parser<Node[]>, Map<number, Found<Node[]> | undefined>>;
}

const sourceOf = (text: string): Source => ({ text, found: new Map() });

/** The same parser, which reads each place once. */
function once(parser: Parser<Node[]>): Parser<Node[]> {
  return (source, at) => {
    const found = source.found.get(parser) ?? new Map<number, Found<Node[]> | undefined>();
    source.found.set(parser, found);
    if (!found.has(at)) found.set(at, parser(source, at));
    return found.get(at);
  };
}

const WORD_ENDS = /[\s(),".+\-=]/;

function skip(text: string, at: number): number {
  while (at < text.length && " \n\t\r".includes(text[at]!)) at++;
  return at;
}

/** Reads what a pattern matches, past spaces. */
function read(pattern: RegExp): Parser<string> {
  const sticky = new RegExp(pattern, "y");
  return ({ text }, from) => {
    sticky.lastIndex = skip(text, from);
    const [out] = sticky.exec(text) ?? [];
    return out === undefined ? undefined : { at: sticky.lastIndex, out };
  };
}

const literal = (word: string) => read(new RegExp(word.replace(/[.()]/g, "\\$&")));

function firstOf<T>(...parsers: readonly Parser<T>[]): Parser<T> {
  return (source, at) => {
    for (const parser of parsers) {
      const found = parser(source, at);
      if (found !== undefined) return found;
    }
    return undefined;
  };
}

function many<T>(parser: Parser<readonly T[]>): Parser<T[]> {
  return (source, at) => {
    const out: T[] = [];
    for (let found = parser(source, at); found !== undefined; found = parser(source, at)) {
      out.push(...found.out);
      at = found.at;
    }
    return { at, out };
  };
}

/** A list with commas between. */
function list<T>(parser: Parser<T>): Parser<T[]> {
  const comma = literal(",");
  return (source, at) => {
    const first = parser(source, at);
    if (first === undefined) return undefined;
    const rest = many<T>((source, at) => {
      const next = comma(source, at);
      const found = next && parser(source, next.at);
      return found && { at: found.at, out: [found.out] };
    })(source, first.at)!;
    return { at: rest.at, out: [first.out, ...rest.out] };
  };
}

/** `(`, what the parser reads, `)`. */
function within<T>(parser: Parser<T>): Parser<T> {
  const [open, close] = [literal("("), literal(")")];
  return (source, at) => {
    const begun = open(source, at);
    const found = begun && parser(source, begun.at);
    const ended = found && close(source, found.at);
    return ended && { at: ended.at, out: found.out };
  };
}

/** One parser after another. */
function then<A, B, T>(
  first: Parser<A>,
  second: Parser<B>,
  make: (a: A, b: B) => T,
): Parser<T> {
  return (source, at) => {
    const a = first(source, at);
    const b = a && second(source, a.at);
    return b && { at: b.at, out: make(a.out, b.out) };
  };
}

const map = <A, T>(parser: Parser<A>, make: (a: A) => T): Parser<T> => (source, at) => {
  const found = parser(source, at);
  return found && { at: found.at, out: make(found.out) };
};

/** A piece that counts 1. */
function piece(text: string): Piece[] {
  return [{ text: unescaped(text), weight: 1 }];
}

/** Escaped brackets and quotation marks as text; compel does so each time it makes a piece. */
function unescaped(text: string): string {
  return text.replaceAll("\\(", "(").replaceAll("\\)", ")").replaceAll('\\"', '"');
}

/** A word without syntax: `+` and `-` belong to it where a letter follows. */
const bareWord: Parser<Node[]> = ({ text }, from) => {
  const start = skip(text, from);
  let at = start;
  while (at < text.length) {
    const next = text[at + 1];
    if (text[at] === "\\" && next !== undefined && '(),".+-='.includes(next)) at += 2;
    else if ("+-".includes(text[at]!)) {
      if (next === undefined || ' \t\n\r(),".+-='.includes(next)) break;
      at++;
    } else if (WORD_ENDS.test(text[at]!)) break;
    else at++;
  }
  return at === start ? undefined : { at, out: piece(text.slice(start, at)) };
};

const number = read(/[+-]?(?:\d+\.\d*|\.\d+)|-?\d+/);
const keyword = read(/[A-Za-z0-9_-]+/);

const freeWord: Parser<Node[]> = ({ text }, start) => {
  const [word] = /^[^ \t\n\r\v\f]+/.exec(text.slice(start)) ?? [];
  return word === undefined ? undefined : { at: start + word.length, out: piece(word) };
};

const spaces: Parser<Node[]> = ({ text }, start) => {
  const at = skip(text, start);
  return at === start ? undefined : { at, out: [] };
};

const ESCAPES: Readonly<Record<string, string>> = { t: "\t", n: "\n", f: "\f", r: "\r" };

/** What stands between quotation marks, read by another parser. */
function quoted(inner: Parser<Node[]>): Parser<Node[]> {
  const mark = read(/"(?:\\"|[^"\n\r])*"/);
  return (source, from) => {
    const found = mark(source, from);
    if (found === undefined) return undefined;
    const inside = found.out.slice(1, -1)
      .replace(/\\([tnfr])/g, (_, letter: string) => ESCAPES[letter]!)
      .replace(/\\"/g, '"');
    if (inside.trim() === "") return { at: found.at, out: piece("") };
    const escaped = inside.replaceAll('"', '\\"');
    const read = inner(sourceOf(escaped), 0);
    if (read === undefined || skip(escaped, read.at) < escaped.length) return undefined;
    return { at: found.at, out: read.out };
  };
}

/** Parsers that need each other are looked up when they are used. */
const later = <T>(parser: () => Parser<T>): Parser<T> => (source, at) => parser()(source, at);

const inBrackets: Parser<Node[]> = once(within(later(() => fragment)));
const inQuotes: Parser<Node[]> = once(quoted(later(() => fragment)));
const target = firstOf(inQuotes, inBrackets, bareWord);

const strength: Parser<number> = firstOf(
  map(read(/\++/), (signs) => 1.1 ** signs.length),
  map(read(/-+/), (signs) => 0.9 ** signs.length),
  map(number, Number),
);

/** Reads without a space before it. */
const adjoining = <T>(parser: Parser<T>): Parser<T> => (source, at) =>
  skip(source.text, at) === at ? parser(source, at) : undefined;

const weighed = (children: readonly Node[], weight: number): Node[] => [{ children, weight }];
const second = <A, B>(_: A, b: B): B => b;

const attention: Parser<Node[]> = once(firstOf(
  then(target, then(literal(".attend"), within(strength), second), weighed),
  then(firstOf(inQuotes, inBrackets), adjoining(strength), weighed),
  then(
    bareWord,
    adjoining(firstOf(
      map(read(/\++/), (signs) => 1.1 ** signs.length),
      map(read(/-+/), (signs) => 0.9 ** signs.length),
    )),
    weighed,
  ),
));

const option: Parser<string> = firstOf(
  then(
    keyword,
    then(literal("="), firstOf(number, keyword), second),
    (key, value) => `${key}=${value}`,
  ),
  number,
  keyword,
);

const options: Parser<string[]> = firstOf(
  list(option),
  (_source, at) => ({ at, out: [] as string[] }),
);

const optional = <T>(parser: Parser<T>): Parser<T | undefined> => (source, at) =>
  parser(source, at) ?? { at, out: undefined };

const swap: Parser<Node[]> = once(then(
  target,
  then(
    literal(".swap"),
    within(then(
      later(() => fragmentWithoutCommas),
      optional(then(literal(","), options, second)),
      () => undefined,
    )),
    second,
  ),
  () => [{ refused: ".swap()" }],
));

const lora: Parser<Node[]> = map(
  then(
    read(/useLora|withLora/),
    within(then(keyword, optional(then(literal(","), number, second)), (name) => name)),
    (trigger, name) => `${trigger}(${name})`,
  ),
  (refused) => [{ refused }],
);

const words = [lora, attention, swap, inBrackets, inQuotes, bareWord];
const fragmentWithoutCommas: Parser<Node[]> = many(firstOf(...words));
const fragment: Parser<Node[]> = many(firstOf(...words, map(read(/[,.]/), piece)));

const prompt: Parser<Node[]> = many(
  firstOf(swap, lora, attention, inQuotes, inBrackets, freeWord, spaces),
);

/** `("one", "other")`, then an operator with its options. */
const operated = (operator: RegExp) =>
  then(
    within(list(firstOf(target, quoted(prompt)))),
    then(read(operator), within(options), second),
    (prompts, weights) => ({ prompts, weights }),
  );

const blend: Parser<Node[]> = map(
  operated(/\.blend/),
  ({ prompts, weights }) => [{ blend: prompts, weights }],
);
const conjunction = operated(/\.and|\.add/);
const implicit: Parser<Node[]> = then(
  many(lora),
  then(firstOf(blend, prompt), many(lora), (found, loras) => [...found, ...loras]),
  (loras, found) => [...loras, ...found],
);

/**
 * Reads a prompt in the syntax of compel 2: `word+`, `word--`, `(several words)1.3`, `"words".attend(0.5)`,
 * `("one", "other").blend(0.7, 0.3)` and `("one", "other").and(1, 0.5)`.
 *
 * @throws {SyntaxError} for what compel cannot read either, for what stands behind `.and()`, and for `.swap()` and
 * `withLora()`, which compel reads and leaves aside.
 */
export function parseCompel(text: string): CompelConjunction {
  const spaced = text.replace(/,(\S)/g, ", $1");
  if (spaced.trim() === "") return [{ prompt: { pieces: piece("") }, weight: 1 }];
  const source = sourceOf(spaced);
  const found = conjunction(source, 0);
  if (found !== undefined) {
    checkEnd(spaced, found.at, text);
    const { prompts, weights } = found.out;
    const counts = weightsOf(weights, prompts.length, text);
    return orEmpty(prompts.map((nodes, i) => [promptOf(nodes, text), counts[i]!]));
  }
  const { at, out } = implicit(source, 0)!;
  checkEnd(spaced, at, text);
  return orEmpty([[promptOf(out, text), 1]]);
}

function orEmpty(
  prompts: readonly (readonly [CompelPrompt | undefined, number])[],
): CompelConjunction {
  const found = prompts.flatMap(([prompt, weight]) =>
    prompt === undefined ? [] : [{ prompt, weight }]
  );
  return found.length > 0 ? found : [{ prompt: { pieces: piece("") }, weight: 1 }];
}

function checkEnd(spaced: string, at: number, text: string): void {
  const end = skip(spaced, at);
  if (end === spaced.length) return;
  const rest = spaced.slice(end, end + 30);
  throw unreadable(text, `compel's syntax does not allow ${JSON.stringify(rest)} there`);
}

function weightsOf(given: readonly string[], count: number, text: string): number[] {
  if (given.length === 0) return Array<number>(count).fill(1);
  const wrong = given.find((weight) => !Number.isFinite(Number(weight)));
  if (wrong !== undefined) {
    throw unreadable(text, `the weight ${JSON.stringify(wrong)} is no number`);
  }
  if (given.length === count) return given.map(Number);
  throw unreadable(text, `it has ${count} prompts, but ${given.length} weights; give one for each`);
}

function promptOf(nodes: readonly Node[], text: string): CompelPrompt | undefined {
  const [blended] = nodes.filter((node) => "blend" in node);
  if (blended === undefined) {
    const pieces = joined(flat(nodes, 1, text));
    return pieces.length === 0 ? undefined : { pieces };
  }
  flat(nodes.filter((node) => node !== blended), 1, text);
  const normalizes = blended.weights.at(-1) !== "no_normalize";
  const given = normalizes ? blended.weights : blended.weights.slice(0, -1);
  const weights = weightsOf(given, blended.blend.length, text);
  const prompts = blended.blend.map((inner) => joined(flat(inner, 1, text)));
  if (prompts.every((pieces) => pieces.length > 0)) return { blend: prompts, weights, normalizes };
  throw unreadable(text, "one of the prompts that it blends is empty");
}

/** All pieces with their weights, those of brackets around them multiplied. */
function flat(nodes: readonly Node[], scale: number, text: string): Piece[] {
  return nodes.flatMap((node) => {
    if ("refused" in node) {
      throw unreadable(text, `${node.refused} is not there; leave it out`);
    }
    if ("children" in node) return flat(node.children, scale * node.weight, text);
    if ("blend" in node) throw unreadable(text, "a blend stands alone or within .and()");
    return [{ text: unescaped(node.text), weight: node.weight * scale }];
  });
}

/** Neighbours of one weight as one piece. */
function joined(pieces: readonly Piece[]): Piece[] {
  const result: Piece[] = [];
  for (const { text, weight } of pieces) {
    const last = result.at(-1);
    if (last?.weight === weight) {
      result[result.length - 1] = { text: unescaped(`${last.text} ${text}`), weight };
    } else result.push({ text, weight });
  }
  return result;
}

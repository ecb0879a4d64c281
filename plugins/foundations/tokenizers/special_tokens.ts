import type { TokenizerFiles, Vocabulary } from "./files.ts";

/** A token that is found in a text before it is split into words. */
export interface AddedToken {
  /** The token itself. */
  readonly content: string;
  /** Takes white space before it along. */
  readonly lstrip: boolean;
  /** Takes white space behind it along. */
  readonly rstrip: boolean;
  /** Not found inside of words. */
  readonly single_word: boolean;
  /** Looked for after normalization. */
  readonly normalized: boolean;
  /** Left out by `skipSpecialTokens`. */
  readonly special: boolean;
}

/** An added token with its place in the vocabulary. */
export type PlacedToken = AddedToken & {
  /** Its place. */
  readonly id: number;
};

/** The roles of special tokens, in the order in which they are added. */
const ROLES: readonly SpecialRole[] = ["bos", "eos", "unk", "sep", "pad", "cls", "mask"];

/** What a special token stands for. */
export type SpecialRole = "bos" | "eos" | "unk" | "sep" | "pad" | "cls" | "mask";

/** Which token has which role. */
export type SpecialTokens = { readonly [role in SpecialRole]?: string };

/** The special and added tokens of a tokenizer. */
export interface TokenizerTokens {
  /** Which token has which role. */
  readonly roles: SpecialTokens;
  /** All of them, by id in the vocabulary or behind it. */
  readonly added: readonly PlacedToken[];
}

type Described = Partial<AddedToken> & { readonly content: string };

function describe(value: unknown, special: boolean): AddedToken {
  const given: Described = typeof value === "string" ? { content: value } : value as Described;
  const isSpecial = special || (given.special ?? false);
  return {
    content: given.content,
    lstrip: given.lstrip ?? false,
    rstrip: given.rstrip ?? false,
    single_word: given.single_word ?? false,
    normalized: given.normalized ?? !isSpecial,
    special: isSpecial,
  };
}

function isDescription(value: unknown): boolean {
  return typeof value === "string" ||
    typeof value === "object" && value !== null && "content" in value;
}

/**
 * Gives each added token its id: that of the vocabulary, else the next free one. A token that comes
 * twice keeps its place and takes the later flags.
 */
export function placeTokens(
  vocab: Vocabulary,
  tokens: readonly AddedToken[],
  placed: readonly PlacedToken[] = [],
): PlacedToken[] {
  const byContent = new Map(placed.map((token) => [token.content, token]));
  let next = Object.keys(vocab).length;
  for (const { id } of placed) next = Math.max(next, id + 1);
  for (const token of tokens) {
    const id = byContent.get(token.content)?.id ??
      (Object.hasOwn(vocab, token.content) ? vocab[token.content]! : next++);
    byContent.set(token.content, { ...token, id });
  }
  return [...byContent.values()];
}

/**
 * The special and added tokens that transformers 5 makes of the files: those of
 * `added_tokens_decoder` by id, else of special_tokens_map.json, added_tokens.json and
 * tokenizer.json; then the named roles that were not among them, then the extra ones. A role given
 * as plain text is looked for before normalization.
 *
 * @param defaults What the class takes where the files say nothing.
 */
export function resolveSpecialTokens(
  files: TokenizerFiles,
  defaults: SpecialTokens,
): TokenizerTokens {
  const decoder = files.config["added_tokens_decoder"] as Record<string, unknown> | undefined;
  const named: Record<string, unknown> = decoder === undefined
    ? { ...files.config, ...files.specialTokens }
    : files.config;
  const values = ROLES.map((role) => {
    const value = named[`${role}_token`];
    return [role, isDescription(value) ? value : value === null ? undefined : defaults[role]];
  }).filter(([_, value]) => value !== undefined) as [SpecialRole, unknown][];
  const roles = Object.fromEntries(
    values.map(([role, value]) => [role, describe(value, true).content]),
  );
  const listed = decoder === undefined
    ? [...files.addedTokens].sort((a, b) => a.id - b.id)
    : Object.entries(decoder).sort(([a], [b]) => Number(a) - Number(b)).map(([_, token]) => token);
  const isNamed = (content: string): boolean => Object.values(roles).includes(content);
  const fromFiles = listed.map((token) => describe(token, isNamed((token as Described).content)));
  const known = new Set(fromFiles.map((token) => token.content));
  const extra = (named["extra_special_tokens"] ?? named["additional_special_tokens"] ??
    []) as readonly unknown[];
  const others = [...values.map(([_, value]) => value), ...(Array.isArray(extra) ? extra : [])]
    .filter(isDescription)
    .map((value) => describe(value, true))
    .filter((token) => !known.has(token.content));
  return { roles, added: placeTokens(files.vocab, [...fromFiles, ...others]) };
}

/** The ids that `skipSpecialTokens` leaves out. */
export function specialIds(added: readonly PlacedToken[]): ReadonlySet<number> {
  return new Set(added.filter(({ special }) => special).map(({ id }) => id));
}

/**
 * The id of the token of a role, which goes around every text.
 *
 * @throws {TypeError} when the tokenizer has none.
 */
export function roleId(
  role: SpecialRole,
  roles: SpecialTokens,
  tokenToId: (token: string) => number | undefined,
): number {
  const token = roles[role];
  const id = token === undefined ? undefined : tokenToId(token);
  if (id === undefined) throw new TypeError(`Cannot encode: the tokenizer has no ${role} token`);
  return id;
}

/**
 * The id of a token by its name, which goes around every text.
 *
 * @throws {TypeError} when the tokenizer has none.
 */
export function tokenId(token: string, tokenToId: (token: string) => number | undefined): number {
  const id = tokenToId(token);
  if (id === undefined) throw new TypeError(`Cannot encode: the tokenizer has no token ${token}`);
  return id;
}

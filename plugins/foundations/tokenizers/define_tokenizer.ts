import { mkdir, writeFile } from "node:fs/promises";
import {
  type Bindable,
  type ComponentLocation,
  joinPath,
  type LoadOptions,
  locateComponent,
  type PluginClass,
  Registry,
  type Tensor,
} from "@denoise/core";
import type { TokenizeOptions, Tokenizer } from "@denoise/roles";
import { copyTokenizerFiles, type TokenizerFiles } from "./files.ts";
import {
  checkLength,
  cutOff,
  type Encoding,
  idRows,
  padOptions,
  padRows,
  rowLimit,
  truncate,
} from "./rows.ts";
import {
  placeTokens,
  resolveSpecialTokens,
  roleId,
  specialIds,
  type SpecialRole,
  type SpecialTokens,
  tokenId,
  type TokenizerTokens,
} from "./special_tokens.ts";
import { unknownWordsBy } from "./taught_words.ts";
import type { Around } from "./around.ts";

/** What {@linkcode PretrainedTokenizer.decode} leaves out. */
export interface DecodeOptions {
  /** Leaves special tokens out. Defaults to false. */
  readonly skipSpecialTokens?: boolean | undefined;
}

/** A loaded tokenizer. */
export interface PretrainedTokenizer extends Tokenizer {
  /** How many tokens there are, added ones included. */
  readonly size: number;
  /** The id of a token, or `undefined`. */
  tokenToId(token: string): number | undefined;
  /** The token of an id, or `undefined`. */
  idToToken(id: number): string | undefined;
  /**
   * Texts to rows of ids.
   *
   * @param texts One or several, of at most 65,536 characters each.
   * @throws {TypeError} for anything but text.
   * @throws {RangeError} for a text that is too long, a `maxLength` that special tokens do not fit in,
   * rows of several lengths, which no tensor holds, or padding to a length that neither call nor files name.
   */
  encode(texts: string | readonly string[], options?: TokenizeOptions): Encoding;
  /** Rows of ids filled up to a length, as `encode` fills them up. */
  pad(
    rows: readonly (readonly number[])[],
    options: { readonly maxLength: number; readonly paddingSide?: "left" | "right" | undefined },
  ): Encoding;
  /** The text of ids, as transformers' `decode`; ids outside the vocabulary are left out. */
  decode(ids: readonly number[], options?: DecodeOptions): string;
  /**
   * Rows of ids back to texts.
   *
   * @param ids Integers [N, tokens] or [tokens].
   */
  batchDecode(ids: Tensor, options?: DecodeOptions): string[];
  /**
   * A tokenizer that also knows these tokens and never splits them (textual inversion). Those that
   * are new get the next free ids, in order.
   */
  withTokens(tokens: readonly string[]): this;
}

/** The class of a tokenizer; `S` is what it has beside, such as a vocabulary at hand. */
export type TokenizerClass<T = PretrainedTokenizer, S = unknown> =
  & PluginClass<T>
  & Bindable<TokenizerClass<T, S>>
  & {
    /** What plugins of this class are. */
    readonly kind: "tokenizer";
    /**
     * Loads a tokenizer from a folder or a repo.
     *
     * @param id A folder, or a repo id where the registry has a source for it.
     * @throws {DenoiseError} `missing_file` or `invalid_config`.
     */
    fromPretrained(
      id: string | URL,
      options?: LoadOptions & { readonly subfolder?: string },
    ): Promise<T>;
  }
  & S;

/** Text to ids and back, without what is put around a text. */
export interface TokenizerBackend {
  /** Ids of a text. */
  encode(text: string): number[];
  /** The text of ids; those outside the vocabulary are left out. */
  decode(ids: readonly number[]): string;
  /** The token of an id. */
  tokenOf(id: number): string | undefined;
  /** The id of a token. */
  idOf(token: string): number | undefined;
  /** How many tokens there are. */
  readonly size: number;
}

/** What a class of tokenizers is made of. */
export interface TokenizerDefinition<F extends TokenizerFiles, T, S> {
  /** The class name in transformers, or in the library that has it. */
  readonly className: string;
  /** The library that has the class, as model_index.json names it. Defaults to `"transformers"`. */
  readonly library?: "transformers" | "kolors" | undefined;
  /** Other class names in repos that mean the same. */
  readonly aliases?: readonly string[] | undefined;
  /** Special tokens where the files say nothing. */
  readonly specialTokens: SpecialTokens;
  /** The longest row where the files say nothing. No limit by default. */
  readonly modelMaxLength?: number | undefined;
  /** What stands before each text. Defaults to nothing. */
  readonly before?: SpecialRole | undefined;
  /** What stands behind each text. Defaults to nothing. */
  readonly behind?: SpecialRole | undefined;
  /** What stands around each text where the files say it, instead of these two. */
  around?(files: F): Around;
  /** The files that a folder may have. */
  readonly fileNames: readonly string[];
  /** Reads a folder. */
  read(folder: string): Promise<F>;
  /** The tokens that are found before a text is split. Defaults to {@linkcode resolveSpecialTokens}. */
  tokens?(files: F): TokenizerTokens;
  /** Makes what turns text into ids and back. */
  backend(files: F, tokens: TokenizerTokens): TokenizerBackend;
  /** The texts of the files of a vocabulary at hand, by name; tokenizer_config.json is written beside them. */
  write?(files: F): Readonly<Record<string, string>>;
  /** What the class has beside, made of files at hand. */
  statics?(make: (files: F) => T): S;
  /** What its objects have beside; the registry has the codec of images. */
  methods?(
    files: F,
    tokens: TokenizerTokens,
    registry: Registry,
  ): Omit<T, keyof PretrainedTokenizer>;
}

/**
 * Makes the class of a tokenizer of transformers from what it does with a text: loading, special
 * tokens, rows, padding, added tokens and saving are the same for all.
 *
 * @example
 * ```ts
 * import { defineTokenizer, type TokenizerClass } from "@denoise/tokenizers";
 * import { assertEquals } from "@std/assert";
 *
 * const Bytes: TokenizerClass = defineTokenizer({
 *   className: "Bytes",
 *   specialTokens: { eos: "</s>", pad: "</s>" },
 *   behind: "eos",
 *   fileNames: [],
 *   read: () => Promise.resolve({ config: {}, specialTokens: {}, addedTokens: [], vocab: { "</s>": 256 } }),
 *   backend: () => ({
 *     encode: (text) => [...new TextEncoder().encode(text)],
 *     decode: (ids) => new TextDecoder().decode(Uint8Array.from(ids)),
 *     tokenOf: (id) => id === 256 ? "</s>" : String.fromCharCode(id),
 *     idOf: (token) => token === "</s>" ? 256 : token.charCodeAt(0),
 *     size: 257,
 *   }),
 * });
 * const tokenizer = await Bytes.load({ path: ".", id: "." }, {});
 * assertEquals(tokenizer.encode("Hi").inputIds.toNested(), [[72, 105, 256]]);
 * ```
 */
export function defineTokenizer<
  F extends TokenizerFiles,
  T extends PretrainedTokenizer = PretrainedTokenizer,
  S = unknown,
>(definition: TokenizerDefinition<F, T, S>): TokenizerClass<T, S> {
  return tokenizerClass(definition, undefined);
}

function tokenizerClass<F extends TokenizerFiles, T extends PretrainedTokenizer, S>(
  definition: TokenizerDefinition<F, T, S>,
  bound: Registry | undefined,
): TokenizerClass<T, S> {
  const { className, aliases = [] } = definition;
  const make = (files: F, folder?: string, registry = bound): T => {
    const { tokens = resolved } = definition;
    const parts = { files, tokens: tokens(files), folder, extended: false };
    return tokenizer(definition, { ...parts, registry: registry ?? new Registry() });
  };
  const resolved = (files: F) => resolveSpecialTokens(files, definition.specialTokens);
  const load = async (
    { path }: ComponentLocation,
    { registry }: Pick<LoadOptions, "registry">,
  ): Promise<T> => make(await definition.read(path), path, registry);
  return Object.assign({
    kind: "tokenizer" as const,
    className,
    aliases,
    using: (registry: Registry) => tokenizerClass(definition, registry),
    load,
    fromPretrained: async (
      id: string | URL,
      options: LoadOptions & { readonly subfolder?: string } = {},
    ) => await load(await locateComponent(id, options, bound, false), options),
  }, definition.statics?.((files) => make(files)) as S);
}

/** What a tokenizer is made of. */
interface Parts<F> {
  readonly files: F;
  readonly tokens: TokenizerTokens;
  /** Where the files lie; undefined for a vocabulary at hand. */
  readonly folder: string | undefined;
  /** Whether tokens were added to those of the files. */
  readonly extended: boolean;
  /** Where the codec of images is found. */
  readonly registry: Registry;
}

function tokenizer<F extends TokenizerFiles, T extends PretrainedTokenizer, S>(
  definition: TokenizerDefinition<F, T, S>,
  parts: Parts<F>,
): T {
  const { className, specialTokens } = definition;
  const { files, tokens } = parts;
  const { before, behind } = definition.around?.(files) ?? definition;
  const { roles, added } = tokens;
  const backend = definition.backend(files, tokens);
  const special = specialIds(added);
  const modelMaxLength = lengthOf(files.config["model_max_length"]) ??
    definition.modelMaxLength ?? NO_LIMIT;
  const pad = padOptions(files.config, backend.idOf(roles.pad ?? specialTokens.pad ?? "") ?? 0);
  const idsOf = (what: Around["before"] = []) =>
    typeof what === "string"
      ? [roleId(what, roles, backend.idOf)]
      : what.map((token) => tokenId(token, backend.idOf));
  const decode = (ids: readonly number[], { skipSpecialTokens }: DecodeOptions = {}) =>
    backend.decode(skipSpecialTokens ? ids.filter((id) => !special.has(id)) : ids);
  const base: PretrainedTokenizer = {
    className,
    library: definition.library ?? "transformers",
    modelMaxLength,
    size: backend.size,
    tokenToId: backend.idOf,
    idToToken: backend.tokenOf,
    encode(texts, options = {}) {
      const { padding = false, truncation = false, addSpecialTokens = true } = options;
      const { paddingSide: side = pad.side } = options;
      const around = addSpecialTokens ? [before, behind] : [];
      const [first = [], last = []] = around.map(idsOf);
      const count = first.length + last.length;
      const limit = rowLimit(options.maxLength ?? modelMaxLength, Math.max(1, count));
      if (padding === "max_length" && limit === NO_LIMIT) {
        throw new RangeError(
          "Cannot fill rows up: the tokenizer's files name no model_max_length; pass maxLength",
        );
      }
      const removed: number[][] = [];
      const rows = (typeof texts === "string" ? [texts] : texts).map((text) => {
        const ids = backend.encode(checkLength(text));
        const kept = truncation ? truncate(ids, limit - count, pad.truncationSide) : ids;
        removed.push(cutOff(ids, kept.length, pad.truncationSide));
        return [...first, ...kept, ...last];
      });
      const length = padding === "max_length" ? limit : padding;
      return padRows(rows, length, { ...pad, side }, removed);
    },
    pad: (rows, { maxLength, paddingSide: side = pad.side }) =>
      padRows(rows, rowLimit(maxLength, 1), { ...pad, side }),
    decode,
    batchDecode: (ids, options) => idRows(ids).map((row) => decode(row, options)),
    withTokens(contents) {
      const flags = { lstrip: false, rstrip: false, single_word: false, special: false };
      const fresh = contents.map((content) => ({ content, ...flags, normalized: true }));
      const more = { roles, added: placeTokens(files.vocab, fresh, added) };
      return tokenizer(definition, { ...parts, tokens: more, extended: true });
    },
    unknownWords: unknownWordsBy(files.config),
    savePretrained: (folder) => save(definition, parts, modelMaxLength, folder),
  };
  return Object.assign(base, definition.methods?.(files, tokens, parts.registry)) as T;
}

/** Stands for rows without a limit. */
const NO_LIMIT = Number.MAX_SAFE_INTEGER;

/** A limit that is one: transformers writes 1e30 where there is none. */
function lengthOf(limit: unknown): number | undefined {
  return typeof limit === "number" && limit < NO_LIMIT ? limit : undefined;
}

async function save<F extends TokenizerFiles, T extends PretrainedTokenizer, S>(
  { className, fileNames, write }: TokenizerDefinition<F, T, S>,
  { files, tokens: { roles, added }, folder: from, extended }: Parts<F>,
  modelMaxLength: number,
  folder: string,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  if (from !== undefined) await copyTokenizerFiles(from, folder, fileNames);
  if (from !== undefined && !extended) return;
  const named = Object.entries(roles).map(([role, token]) => [`${role}_token`, token]);
  const config = {
    ...files.config,
    ...Object.fromEntries(named),
    added_tokens_decoder: Object.fromEntries(added.map(({ id, ...token }) => [id, token])),
    ...(modelMaxLength === NO_LIMIT ? {} : { model_max_length: modelMaxLength }),
    tokenizer_class: className,
  };
  const texts = {
    ...(from === undefined ? write?.(files) : {}),
    "tokenizer_config.json": JSON.stringify(config, null, 2),
  };
  for (const [name, text] of Object.entries(texts)) {
    await writeFile(joinPath(folder, name), text);
  }
}

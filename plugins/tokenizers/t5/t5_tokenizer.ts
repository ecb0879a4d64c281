import {
  type ComponentLocation,
  joinPath,
  type LoadOptions,
  locateComponent,
  type Registry,
  type Tensor,
} from "@denoise/core";
import type { TokenizeOptions, Tokenizer } from "@denoise/roles";
import {
  checkLength,
  copyTokenizerFiles,
  cutOff,
  type Encoding,
  idRows,
  type PadOptions,
  padOptions,
  padRows,
  type PlacedToken,
  placeTokens,
  resolveSpecialTokens,
  rowLimit,
  specialIds,
  type SpecialTokens,
  truncate,
} from "@denoise/tokenizers";
import { type Backend, buildBackend, cleanUp, joinPieces } from "./_backend.ts";
import {
  extraIds,
  FILE_NAMES,
  readTokenizerFiles,
  type ScoredPiece,
  type TokenizerFiles,
} from "./_files.ts";

/** What T5 takes where the files say nothing. */
const DEFAULTS: SpecialTokens = { eos: "</s>", unk: "<unk>", pad: "<pad>" };

/** Options of a tokenizer of pieces at hand. */
export interface T5TokenizerOptions {
  /** The longest row the text encoder takes. No limit by default. */
  readonly modelMaxLength?: number | undefined;
  /** How many tokens such as `<extra_id_0>` there are beside the pieces. None by default. */
  readonly extraIds?: number | undefined;
}

/** What a tokenizer is made of. */
interface Parts {
  readonly files: TokenizerFiles;
  readonly folder: string | undefined;
}

/** The special tokens of the files, the extra ids among them, and the symbols of spiece.model. */
function findTokens(files: TokenizerFiles) {
  const { config, specialTokens } = files;
  const named = config["added_tokens_decoder"] === undefined
    ? { ...config, ...specialTokens }
    : config;
  const given = named["extra_special_tokens"] ?? named["additional_special_tokens"];
  const listed = Array.isArray(given) ? given : [];
  const hasOwn = listed.some((token) => JSON.stringify(token).includes("<extra_id_"));
  const extra = hasOwn ? listed : [...listed, ...extraIds(config).reverse()];
  const vocab = Object.fromEntries(files.pieces.map(([piece], id) => [piece, id]));
  const { extra_special_tokens: _, ...otherSpecial } = specialTokens;
  const { roles, added } = resolveSpecialTokens({
    ...files,
    vocab,
    config: { ...config, extra_special_tokens: extra },
    specialTokens: otherSpecial,
  }, DEFAULTS);
  const known = new Set(added.map(({ content }) => content));
  const symbols = files.symbols.filter(({ content }) => !known.has(content));
  return { roles, added: placeTokens(vocab, symbols, added) };
}

/**
 * SentencePiece's unigram model, with the ids that transformers' `T5Tokenizer` gives: text is
 * normalized, split at white space, and each word becomes its most likely pieces; `</s>` ends a
 * row.
 *
 * @example
 * ```ts
 * import { T5Tokenizer } from "@denoise/tokenizer-t5";
 * import { assertEquals } from "@std/assert";
 *
 * const pieces = [["<pad>", 0], ["</s>", 0], ["<unk>", 0], ["▁cat", -2], ["s", -3]];
 * const tokenizer = T5Tokenizer.fromPieces(pieces as [string, number][]);
 * const { inputIds } = tokenizer.encode("cats cat");
 * assertEquals(inputIds.toNested(), [[3, 4, 3, 1]]);
 * assertEquals(tokenizer.batchDecode(inputIds, { skipSpecialTokens: true }), ["cats cat"]);
 * ```
 */
export class T5Tokenizer implements Tokenizer {
  /** What plugins of this class are. */
  static readonly kind = "tokenizer";
  /** The class name that repos use. */
  static readonly className = "T5Tokenizer";
  /** Other class names in repos that mean the same. */
  static readonly aliases: readonly string[] = ["T5TokenizerFast"];

  /** The class name in transformers. */
  readonly className = "T5Tokenizer";
  /** The library that has the class. */
  readonly library = "transformers";
  /** The longest row the text encoder takes; no limit where the files do not say. */
  readonly modelMaxLength: number;
  readonly #parts: Parts;
  readonly #backend: Backend;
  readonly #padding: PadOptions;
  readonly #special: ReadonlySet<number>;
  readonly #eos: number;

  private constructor(parts: Parts) {
    const { files } = parts;
    const { config } = files;
    const { roles, added } = findTokens(files);
    const limit = config["model_max_length"];
    this.#parts = parts;
    this.#backend = buildBackend(files.pieces, files.charsmap, added);
    this.#special = specialIds(added);
    this.#eos = this.#idOf("eos", roles, added);
    this.modelMaxLength = typeof limit === "number" && limit < Number.MAX_SAFE_INTEGER
      ? limit
      : Number.MAX_SAFE_INTEGER;
    this.#padding = padOptions(config, this.#idOf("pad", roles, added));
  }

  #idOf(role: "eos" | "pad", roles: SpecialTokens, added: readonly PlacedToken[]): number {
    const found = added.find(({ content }) => content === (roles[role] ?? DEFAULTS[role]));
    return found?.id ?? { eos: 1, pad: 0 }[role];
  }

  /**
   * A tokenizer of pieces at hand, without a normalization.
   *
   * @param pieces Each with the logarithm of its probability, in the order of their ids; the third
   * stands for unknown text.
   */
  static fromPieces(
    pieces: readonly ScoredPiece[],
    options: T5TokenizerOptions = {},
  ): T5Tokenizer {
    const { modelMaxLength, extraIds: count = 0 } = options;
    const config = {
      extra_ids: count,
      ...(modelMaxLength === undefined ? {} : { model_max_length: modelMaxLength }),
    };
    const extra = extraIds(config).map((token): ScoredPiece => [token, 0]);
    const files = {
      pieces: [...pieces, ...extra],
      config,
      charsmap: undefined,
      symbols: [],
      specialTokens: {},
      addedTokens: [],
    };
    return new T5Tokenizer({ files, folder: undefined });
  }

  /**
   * Loads a tokenizer from its folder.
   *
   * @throws {DenoiseError} `missing_file` or `invalid_config`.
   */
  static async load(
    location: ComponentLocation,
    _options: LoadOptions = {},
  ): Promise<T5Tokenizer> {
    const files = await readTokenizerFiles(location.path);
    return new T5Tokenizer({ files, folder: location.path });
  }

  /**
   * Loads a tokenizer from a folder or a repo.
   *
   * @param id A folder, or a repo id when `registry` has a source for it.
   * @throws {DenoiseError} `missing_file` or `invalid_config`.
   */
  static async fromPretrained(
    id: string | URL,
    options: LoadOptions & { readonly subfolder?: string } = {},
  ): Promise<T5Tokenizer> {
    return await this.load(await locateComponent(id, options, this.registry, false), options);
  }

  /** The registry whose sources `fromPretrained` asks. */
  protected static readonly registry: Registry | undefined = undefined;

  /** The same class, with this registry as its default. */
  static using(registry: Registry): typeof T5Tokenizer {
    return class extends this {
      protected static override readonly registry = registry;
    };
  }

  /** How many tokens there are, added ones included. */
  get size(): number {
    return this.#backend.size;
  }

  /** The id of a token, or `undefined`. */
  tokenToId(token: string): number | undefined {
    return this.#backend.idOf(token);
  }

  /** The token of an id, or `undefined`. */
  idToToken(id: number): string | undefined {
    return this.#backend.tokenOf(id);
  }

  /**
   * Texts to rows of ids.
   *
   * @param texts One or several, of at most 65,536 characters each.
   * @param options.addSpecialTokens Whether `</s>` ends each row. Defaults to true.
   * @throws {TypeError} for anything but text.
   * @throws {RangeError} for a text that is too long, a `maxLength` under 1, rows of several
   * lengths, which no tensor holds, or padding to a length that neither call nor files name.
   */
  encode(
    texts: string | readonly string[],
    options: TokenizeOptions & { readonly addSpecialTokens?: boolean } = {},
  ): Encoding {
    const { padding = false, truncation = false, addSpecialTokens = true } = options;
    const end = addSpecialTokens ? [this.#eos] : [];
    const limit = rowLimit(options.maxLength ?? this.modelMaxLength, 1);
    if (padding === "max_length" && limit === Number.MAX_SAFE_INTEGER) {
      throw new RangeError(
        `Cannot fill rows up: the tokenizer's files name no model_max_length; pass maxLength`,
      );
    }
    const { truncationSide } = this.#padding;
    const removed: number[][] = [];
    const rows = (typeof texts === "string" ? [texts] : texts).map((text) => {
      const ids = this.#backend.encode(checkLength(text));
      const kept = truncation ? truncate(ids, limit - end.length, truncationSide) : ids;
      removed.push(cutOff(ids, kept.length, truncationSide));
      return [...kept, ...end];
    });
    return padRows(rows, padding === "max_length" ? limit : padding, this.#padding, removed);
  }

  /** The text of ids, as transformers' `decode`; ids outside the vocabulary are left out. */
  decode(ids: readonly number[], options: { readonly skipSpecialTokens?: boolean } = {}): string {
    const pieces = ids
      .filter((id) => !options.skipSpecialTokens || !this.#special.has(id))
      .map((id) => this.#backend.tokenOf(id))
      .filter((piece) => piece !== undefined);
    const text = joinPieces(pieces);
    return this.#parts.files.config["clean_up_tokenization_spaces"] === true ? cleanUp(text) : text;
  }

  /**
   * Rows of ids back to texts.
   *
   * @param ids Integers [N, tokens] or [tokens].
   */
  batchDecode(ids: Tensor, options: { readonly skipSpecialTokens?: boolean } = {}): string[] {
    return idRows(ids).map((row) => this.decode(row, options));
  }

  /**
   * Writes its files into a folder that transformers can load.
   *
   * @throws {DenoiseError} when the folder cannot be written.
   */
  async savePretrained(folder: string): Promise<void> {
    await Deno.mkdir(folder, { recursive: true });
    const { files: { pieces, config }, folder: from } = this.#parts;
    if (from !== undefined) {
      await copyTokenizerFiles(from, folder, FILE_NAMES);
      return;
    }
    const write = (name: string, value: unknown) =>
      Deno.writeTextFile(joinPath(folder, name), JSON.stringify(value, null, 2));
    await write("tokenizer.json", tokenizerJson(pieces));
    await write("tokenizer_config.json", { ...config, tokenizer_class: "T5Tokenizer" });
  }
}

/** A tokenizer of these pieces in the file format of tokenizers. */
function tokenizerJson(pieces: readonly ScoredPiece[]): unknown {
  const metaspace = {
    type: "Metaspace",
    replacement: "▁",
    prepend_scheme: "always",
    split: true,
  };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: { type: "Sequence", pretokenizers: [{ type: "WhitespaceSplit" }, metaspace] },
    post_processor: null,
    decoder: metaspace,
    model: { type: "Unigram", unk_id: 2, vocab: pieces, byte_fallback: false },
  };
}

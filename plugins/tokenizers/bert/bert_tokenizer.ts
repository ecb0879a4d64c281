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
  resolveSpecialTokens,
  roleId,
  rowLimit,
  specialIds,
  type SpecialTokens,
  truncate,
  type Vocabulary,
} from "@denoise/tokenizers";
import type { Tokenizer as Backend } from "@huggingface/tokenizers";
import { buildBackend, decodeIds, encodeText, type Normalization } from "./_backend.ts";
import { FILE_NAMES, readTokenizerFiles, type TokenizerFiles } from "./_files.ts";

/** What BERT itself takes, where the files do not say. */
const MODEL_MAX_LENGTH = 512;

/** What BERT takes where the files say nothing. */
const DEFAULTS: SpecialTokens = {
  unk: "[UNK]",
  sep: "[SEP]",
  pad: "[PAD]",
  cls: "[CLS]",
  mask: "[MASK]",
};

/** What a tokenizer is made of. */
interface Parts {
  readonly files: TokenizerFiles;
  readonly roles: SpecialTokens;
  readonly added: readonly PlacedToken[];
  readonly folder: string | undefined;
}

/** Options of a tokenizer of a vocabulary at hand. */
export interface BertTokenizerOptions {
  /** The longest row the text encoder takes. Defaults to 512. */
  readonly modelMaxLength?: number | undefined;
  /** Whether text is put into lower case. Defaults to true. */
  readonly doLowerCase?: boolean | undefined;
}

/**
 * BERT's WordPiece, with the ids that transformers' `BertTokenizer` gives: text is cleaned, put into
 * lower case without accents, split into words, punctuation and Chinese characters, these into the
 * longest pieces that the vocabulary has, and wrapped in `[CLS]` and `[SEP]`.
 *
 * @example
 * ```ts
 * import { BertTokenizer } from "@denoise/tokenizer-bert";
 * import { assertEquals } from "@std/assert";
 *
 * const tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "squirrel", "##s", "!"];
 * const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
 * const tokenizer = BertTokenizer.fromVocabulary(vocab, { modelMaxLength: 6 });
 * const { inputIds } = tokenizer.encode("Squirrels!", { padding: "max_length" });
 * assertEquals(inputIds.toNested(), [[2, 5, 6, 7, 3, 0]]);
 * assertEquals(tokenizer.batchDecode(inputIds, { skipSpecialTokens: true }), ["squirrels!"]);
 * ```
 */
export class BertTokenizer implements Tokenizer {
  /** What plugins of this class are. */
  static readonly kind = "tokenizer";
  /** The class name that repos use. */
  static readonly className = "BertTokenizer";
  /** Other class names in repos that mean the same. */
  static readonly aliases: readonly string[] = ["BertTokenizerFast"];

  /** The class name in transformers. */
  readonly className = "BertTokenizer";
  /** The library that has the class. */
  readonly library = "transformers";
  /** The longest row the text encoder takes; 512 where the files do not say. */
  readonly modelMaxLength: number;
  readonly #parts: Parts;
  readonly #backend: Backend;
  readonly #how: Normalization;
  readonly #padding: PadOptions;
  readonly #special: ReadonlySet<number>;

  private constructor(parts: Parts) {
    const { config } = parts.files;
    const limit = config["model_max_length"];
    const accents = config["strip_accents"];
    this.#parts = parts;
    this.#special = specialIds(parts.added);
    this.#how = {
      lowercase: config["do_lower_case"] !== false,
      stripAccents: typeof accents === "boolean" ? accents : null,
      chinese: config["tokenize_chinese_chars"] !== false,
    };
    this.#backend = buildBackend(parts.files.vocab, parts.roles, parts.added, this.#how);
    this.modelMaxLength = typeof limit === "number" && limit < 1e9 ? limit : MODEL_MAX_LENGTH;
    this.#padding = padOptions(config, this.tokenToId(parts.roles.pad ?? "[PAD]") ?? 0);
  }

  /**
   * A tokenizer of a vocabulary at hand.
   *
   * @param vocab Ids by token.
   */
  static fromVocabulary(vocab: Vocabulary, options: BertTokenizerOptions = {}): BertTokenizer {
    const { modelMaxLength = MODEL_MAX_LENGTH, doLowerCase = true } = options;
    const config = { model_max_length: modelMaxLength, do_lower_case: doLowerCase };
    const files = { vocab, config, specialTokens: {}, addedTokens: [] };
    return new BertTokenizer({
      files,
      ...resolveSpecialTokens(files, DEFAULTS),
      folder: undefined,
    });
  }

  /**
   * Loads a tokenizer from its folder.
   *
   * @throws {DenoiseError} `missing_file` or `invalid_config`.
   */
  static async load(
    location: ComponentLocation,
    _options: LoadOptions = {},
  ): Promise<BertTokenizer> {
    const files = await readTokenizerFiles(location.path);
    const tokens = resolveSpecialTokens(files, DEFAULTS);
    return new BertTokenizer({ files, ...tokens, folder: location.path });
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
  ): Promise<BertTokenizer> {
    return await this.load(await locateComponent(id, options, this.registry, false), options);
  }

  /** The registry whose sources `fromPretrained` asks. */
  protected static readonly registry: Registry | undefined = undefined;

  /** The same class, with this registry as its default. */
  static using(registry: Registry): typeof BertTokenizer {
    return class extends this {
      protected static override readonly registry = registry;
    };
  }

  /** How many tokens there are, added ones included. */
  get size(): number {
    return this.#backend.get_vocab(true).size;
  }

  /** The id of a token, or `undefined`. */
  tokenToId(token: string): number | undefined {
    return this.#backend.token_to_id(token);
  }

  /** The token of an id, or `undefined`. */
  idToToken(id: number): string | undefined {
    return this.#backend.id_to_token(id);
  }

  /**
   * Texts to rows of ids.
   *
   * @param texts One or several, of at most 65,536 characters each.
   * @throws {TypeError} for anything but text.
   * @throws {RangeError} for a text that is too long, a `maxLength` under 2, or rows of several
   * lengths, which no tensor holds.
   */
  encode(texts: string | readonly string[], options: TokenizeOptions = {}): Encoding {
    const { padding = false, truncation = false } = options;
    const limit = rowLimit(options.maxLength ?? this.modelMaxLength);
    const { truncationSide } = this.#padding;
    const removed: number[][] = [];
    const rows = (typeof texts === "string" ? [texts] : texts).map((text) => {
      const ids = encodeText(this.#backend, checkLength(text), this.#how);
      const kept = truncation ? truncate(ids, limit - 2, truncationSide) : ids;
      removed.push(cutOff(ids, kept.length, truncationSide));
      return [this.#idOf("cls"), ...kept, this.#idOf("sep")];
    });
    return padRows(rows, padding === "max_length" ? limit : padding, this.#padding, removed);
  }

  #idOf(role: "cls" | "sep"): number {
    return roleId(role, this.#parts.roles, (token) => this.tokenToId(token));
  }

  /** The text of ids, as transformers' `decode`: pieces of a word together. */
  decode(ids: readonly number[], options: { readonly skipSpecialTokens?: boolean } = {}): string {
    const isKept = (id: number): boolean => !options.skipSpecialTokens || !this.#special.has(id);
    return decodeIds(this.#backend, ids.filter(isKept));
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
    const { files, folder: from, roles } = this.#parts;
    if (from !== undefined) {
      await copyTokenizerFiles(from, folder, FILE_NAMES);
      return;
    }
    const tokens = Object.entries(files.vocab).toSorted(([, a], [, b]) => a - b);
    await Deno.writeTextFile(
      joinPath(folder, "vocab.txt"),
      tokens.map(([token]) => `${token}\n`).join(""),
    );
    const named = Object.entries(roles).map(([role, token]) => [`${role}_token`, token]);
    const config = {
      ...files.config,
      ...Object.fromEntries(named),
      tokenizer_class: "BertTokenizer",
    };
    await Deno.writeTextFile(
      joinPath(folder, "tokenizer_config.json"),
      JSON.stringify(config, null, 2),
    );
  }
}

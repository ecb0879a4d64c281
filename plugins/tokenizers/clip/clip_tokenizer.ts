import {
  type ComponentLocation,
  joinPath,
  type LoadOptions,
  locateComponent,
  type Registry,
  type Tensor,
} from "@denoise/core";
import type { TokenizeOptions, Tokenizer } from "@denoise/roles";
import type { Tokenizer as Backend } from "@huggingface/tokenizers";
import {
  bytePairFileNames,
  type BytePairFiles,
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
  readBytePairFiles,
  resolveSpecialTokens,
  roleId,
  rowLimit,
  specialIds,
  type SpecialTokens,
  truncate,
} from "@denoise/tokenizers";
import { boundaries, buildBackend, decodeIds, encodeText } from "./_backend.ts";

export type { Encoding };

const MODEL_MAX_LENGTH = 77;

/** What CLIP takes where the files say nothing. */
const DEFAULTS: SpecialTokens = {
  bos: "<|startoftext|>",
  eos: "<|endoftext|>",
  unk: "<|endoftext|>",
  pad: "<|endoftext|>",
};

/** What a tokenizer is made of. */
interface Parts {
  readonly files: BytePairFiles;
  readonly roles: SpecialTokens;
  readonly added: readonly PlacedToken[];
  readonly folder: string | undefined;
}

/**
 * CLIP's byte-pair encoding, with the ids that transformers' `CLIPTokenizer` gives: text is put
 * into NFC and lower case, split into words, digits and punctuation, and wrapped in
 * `<|startoftext|>` and `<|endoftext|>`.
 *
 * @example
 * ```ts
 * import { CLIPTokenizer } from "@denoise/tokenizer-clip";
 * import { assertEquals } from "@std/assert";
 *
 * const vocab = { "a": 0, "b</w>": 1, "ab</w>": 2, "<|startoftext|>": 3, "<|endoftext|>": 4 };
 * const tokenizer = CLIPTokenizer.fromVocabulary(vocab, [["a", "b</w>"]], { modelMaxLength: 5 });
 * const { inputIds } = tokenizer.encode("AB", { padding: "max_length" });
 * assertEquals(inputIds.toNested(), [[3, 2, 4, 4, 4]]);
 * assertEquals(tokenizer.batchDecode(inputIds, { skipSpecialTokens: true }), ["ab"]);
 * ```
 */
export class CLIPTokenizer implements Tokenizer {
  /** What plugins of this class are. */
  static readonly kind = "tokenizer";
  /** The class name that repos use. */
  static readonly className = "CLIPTokenizer";
  /** Other class names in repos that mean the same. */
  static readonly aliases: readonly string[] = ["CLIPTokenizerFast"];

  /** The class name in transformers. */
  readonly className = "CLIPTokenizer";
  /** The library that has the class. */
  readonly library = "transformers";
  /** The longest row the text encoder takes; 77 where the files do not say. */
  readonly modelMaxLength: number;
  readonly #parts: Parts;
  readonly #backend: Backend;
  readonly #boundaries: RegExp;
  readonly #padding: PadOptions;
  readonly #special: ReadonlySet<number>;

  private constructor(parts: Parts) {
    const { config } = parts.files;
    const limit = config["model_max_length"];
    this.#parts = parts;
    this.#boundaries = boundaries(parts.added);
    this.#special = specialIds(parts.added);
    this.#backend = buildBackend(parts.files, parts.roles, parts.added);
    this.modelMaxLength = typeof limit === "number" && limit < 1e9 ? limit : MODEL_MAX_LENGTH;
    this.#padding = padOptions(config, this.tokenToId(parts.roles.pad ?? "<|endoftext|>") ?? 0);
  }

  /**
   * A tokenizer of a vocabulary at hand.
   *
   * @param vocab Ids by token.
   * @param merges Pairs of tokens to merge, the most important first.
   */
  static fromVocabulary(
    vocab: { readonly [token: string]: number },
    merges: readonly (readonly [string, string])[],
    options: { readonly modelMaxLength?: number; readonly padToken?: string } = {},
  ): CLIPTokenizer {
    const { modelMaxLength = MODEL_MAX_LENGTH, padToken = "<|endoftext|>" } = options;
    const config = { model_max_length: modelMaxLength, pad_token: padToken };
    const files = { vocab, merges, config, specialTokens: {}, addedTokens: [] };
    return new CLIPTokenizer({
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
  ): Promise<CLIPTokenizer> {
    const files = await readBytePairFiles(location.path);
    return new CLIPTokenizer({
      files,
      ...resolveSpecialTokens(files, DEFAULTS),
      folder: location.path,
    });
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
  ): Promise<CLIPTokenizer> {
    return await this.load(await locateComponent(id, options, this.registry, false), options);
  }

  /** The registry whose sources `fromPretrained` asks. */
  protected static readonly registry: Registry | undefined = undefined;

  /** The same class, with this registry as its default. */
  static using(registry: Registry): typeof CLIPTokenizer {
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
   * A tokenizer that also knows these tokens and never splits them (textual inversion). Those that
   * are new get the next free ids, in order.
   */
  withTokens(tokens: readonly string[]): CLIPTokenizer {
    const { files, added } = this.#parts;
    const flags = { lstrip: false, rstrip: false, single_word: false, special: false };
    const fresh = tokens.map((content) => ({ content, ...flags, normalized: true }));
    return new CLIPTokenizer({ ...this.#parts, added: placeTokens(files.vocab, fresh, added) });
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
      const ids = encodeText(this.#backend, checkLength(text), this.#boundaries);
      const kept = truncation ? truncate(ids, limit - 2, truncationSide) : ids;
      removed.push(cutOff(ids, kept.length, truncationSide));
      return [this.#idOf("bos"), ...kept, this.#idOf("eos")];
    });
    return padRows(rows, padding === "max_length" ? limit : padding, this.#padding, removed);
  }

  #idOf(role: "bos" | "eos"): number {
    return roleId(role, this.#parts.roles, (token) => this.tokenToId(token));
  }

  /**
   * The text of ids, as transformers' `decode`: tokens of a word together, words with a space
   * between them.
   */
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
   * What a row of so many tokens leaves out of each text, as text; `""` where all of it fits.
   *
   * @param maxLength Tokens of a row, special ones included. Defaults to the model's limit.
   */
  truncated(texts: string | readonly string[], maxLength = this.modelMaxLength): string[] {
    const kept = rowLimit(maxLength) - 2;
    return (typeof texts === "string" ? [texts] : texts).map((text) => {
      const ids = encodeText(this.#backend, checkLength(text), this.#boundaries);
      return ids.length > kept ? this.decode(ids.slice(kept)) : "";
    });
  }

  /**
   * Writes its files into a folder that transformers can load.
   *
   * @throws {DenoiseError} when the folder cannot be written.
   */
  async savePretrained(folder: string): Promise<void> {
    await Deno.mkdir(folder, { recursive: true });
    const { files, folder: from, added } = this.#parts;
    if (from === undefined) {
      const merges = files.merges.map((pair) => `${pair.join(" ")}\n`);
      await Deno.writeTextFile(joinPath(folder, "vocab.json"), JSON.stringify(files.vocab));
      await Deno.writeTextFile(joinPath(folder, "merges.txt"), `#version: 0.2\n${merges.join("")}`);
    } else {
      await copyTokenizerFiles(from, folder, bytePairFileNames);
    }
    if (from !== undefined && !this.#hasOwnTokens()) return;
    const decoder = Object.fromEntries(added.map(({ id, ...token }) => [id, token]));
    const roles = Object.fromEntries(
      Object.entries(this.#parts.roles).map(([role, token]) => [`${role}_token`, token]),
    );
    const config = {
      ...files.config,
      ...roles,
      added_tokens_decoder: decoder,
      model_max_length: this.modelMaxLength,
      tokenizer_class: "CLIPTokenizer",
    };
    await Deno.writeTextFile(
      joinPath(folder, "tokenizer_config.json"),
      JSON.stringify(config, null, 2),
    );
  }

  /** Whether tokens were added to those of the files. */
  #hasOwnTokens(): boolean {
    return this.#parts.added.length >
      resolveSpecialTokens(this.#parts.files, DEFAULTS).added.length;
  }
}

import {
  type ComponentLocation,
  DenoiseError,
  isFile,
  joinPath,
  type LoadOptions,
  locateComponent,
  type Registry,
  type Tensor,
} from "@denoise/core";
import type { ChatMessage, ChatOptions, ChatTokenizer, TokenizeOptions } from "@denoise/roles";
import { Template } from "@huggingface/jinja";
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
  readBytePairFiles,
  resolveSpecialTokens,
  rowLimit,
  specialIds,
  type SpecialTokens,
  truncate,
} from "@denoise/tokenizers";
import { type Backend, buildBackend } from "./_backend.ts";

export type { ChatMessage, ChatOptions, Encoding };

/** What Qwen2 takes where the files say nothing. */
const DEFAULTS: SpecialTokens = {
  eos: "<|endoftext|>",
  unk: "<|endoftext|>",
  pad: "<|endoftext|>",
};

/** The file that a chat template may have to itself. */
const TEMPLATE_FILE = "chat_template.jinja";

/** What a tokenizer is made of. */
interface Parts {
  readonly files: BytePairFiles;
  readonly template: string | undefined;
  readonly folder: string;
}

/**
 * Byte-pair encoding of bytes, with the ids that transformers' `Qwen2Tokenizer` gives: text is put into NFC
 * and split into words, digits and punctuation, with the space before them; nothing is put around it.
 *
 * @example
 * ```ts ignore
 * import { Qwen2Tokenizer } from "@denoise/denoise";
 *
 * const tokenizer = await Qwen2Tokenizer.fromPretrained("Qwen/Qwen3-4B");
 * const { inputIds } = tokenizer.encode("a red fox");
 * console.log(tokenizer.batchDecode(inputIds)); // [ "a red fox" ]
 * ```
 */
export class Qwen2Tokenizer implements ChatTokenizer {
  /** What plugins of this class are. */
  static readonly kind = "tokenizer";
  /** The class name that repos use. */
  static readonly className = "Qwen2Tokenizer";
  /** Other class names in repos that mean the same. */
  static readonly aliases: readonly string[] = ["Qwen2TokenizerFast"];

  /** The class name in transformers. */
  readonly className = "Qwen2Tokenizer";
  /** The library that has the class. */
  readonly library = "transformers";
  /** The longest row the text encoder takes; no limit where the files do not say. */
  readonly modelMaxLength: number;
  readonly #parts: Parts;
  readonly #backend: Backend;
  readonly #roles: SpecialTokens;
  readonly #padding: PadOptions;
  readonly #special: ReadonlySet<number>;

  private constructor(parts: Parts) {
    const { config } = parts.files;
    const { roles, added } = resolveSpecialTokens(parts.files, DEFAULTS);
    const limit = config["model_max_length"];
    this.#parts = parts;
    this.#roles = roles;
    this.#special = specialIds(added);
    this.#backend = buildBackend(parts.files, added);
    this.modelMaxLength = typeof limit === "number" && limit < Number.MAX_SAFE_INTEGER
      ? limit
      : Number.MAX_SAFE_INTEGER;
    this.#padding = padOptions(config, this.tokenToId(roles.pad ?? DEFAULTS.pad!) ?? 0);
  }

  /**
   * Loads a tokenizer from its folder.
   *
   * @throws {DenoiseError} `missing_file` or `invalid_config`.
   */
  static async load(
    location: ComponentLocation,
    _options: LoadOptions = {},
  ): Promise<Qwen2Tokenizer> {
    const { path: folder } = location;
    const files = await readBytePairFiles(folder);
    if (files.config["add_prefix_space"] === true) {
      throw new DenoiseError(
        "unsupported_option",
        `Cannot load a Qwen2Tokenizer from ${JSON.stringify(folder)}: add_prefix_space = true is ` +
          "not supported; supported are false and null",
      );
    }
    const file = joinPath(folder, TEMPLATE_FILE);
    const inConfig = files.config["chat_template"];
    const template = await isFile(file)
      ? await Deno.readTextFile(file)
      : typeof inConfig === "string"
      ? inConfig
      : undefined;
    return new Qwen2Tokenizer({ files, template, folder });
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
  ): Promise<Qwen2Tokenizer> {
    return await this.load(await locateComponent(id, options, this.registry, false), options);
  }

  /** The registry whose sources `fromPretrained` asks. */
  protected static readonly registry: Registry | undefined = undefined;

  /** The same class, with this registry as its default. */
  static using(registry: Registry): typeof Qwen2Tokenizer {
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
   * A chat as the text that the model was taught to answer, by the repo's Jinja template.
   *
   * @throws {DenoiseError} `missing_file` without a template.
   */
  applyChatTemplate(messages: readonly ChatMessage[], options: ChatOptions = {}): string {
    const { template, folder } = this.#parts;
    if (template === undefined) {
      throw new DenoiseError(
        "missing_file",
        `Cannot make a text of a chat: ${
          JSON.stringify(folder)
        } has neither ${TEMPLATE_FILE} nor a ` +
          "chat_template in tokenizer_config.json",
      );
    }
    const { addGenerationPrompt = true, variables = {} } = options;
    const roles = Object.entries(this.#roles).map(([role, token]) => [`${role}_token`, token]);
    return new Template(template).render({
      ...Object.fromEntries(roles),
      ...variables,
      messages,
      add_generation_prompt: addGenerationPrompt,
    });
  }

  /**
   * Texts to rows of ids.
   *
   * @param texts One or several, of at most 65,536 characters each.
   * @throws {TypeError} for anything but text.
   * @throws {RangeError} for a text that is too long, a `maxLength` under 1, rows of several lengths, which
   * no tensor holds, or padding to a length that neither call nor files name.
   */
  encode(texts: string | readonly string[], options: TokenizeOptions = {}): Encoding {
    const { padding = false, truncation = false } = options;
    const limit = rowLimit(options.maxLength ?? this.modelMaxLength, 1);
    if (padding === "max_length" && limit === Number.MAX_SAFE_INTEGER) {
      throw new RangeError(
        "Cannot fill rows up: the tokenizer's files name no model_max_length; pass maxLength",
      );
    }
    const { truncationSide } = this.#padding;
    const removed: number[][] = [];
    const rows = (typeof texts === "string" ? [texts] : texts).map((text) => {
      const ids = this.#backend.encode(checkLength(text));
      const kept = truncation ? truncate(ids, limit, truncationSide) : ids;
      removed.push(cutOff(ids, kept.length, truncationSide));
      return kept;
    });
    return padRows(rows, padding === "max_length" ? limit : padding, this.#padding, removed);
  }

  /** The text of ids, as transformers' `decode`; ids outside the vocabulary are left out. */
  decode(ids: readonly number[], options: { readonly skipSpecialTokens?: boolean } = {}): string {
    return this.#backend.decode(
      options.skipSpecialTokens ? ids.filter((id) => !this.#special.has(id)) : ids,
    );
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
    await copyTokenizerFiles(this.#parts.folder, folder, [...bytePairFileNames, TEMPLATE_FILE]);
  }
}

import type { Tensor } from "@denoise/core";
import type { TokenizeOptions, Tokenizer, Tokens } from "@denoise/roles";

/** A tokenizer that can be given more tokens. */
export interface ExtendableTokenizer extends Tokenizer {
  /** How many tokens there are. */
  readonly size: number;
  /** The id of a token. */
  tokenToId(token: string): number | undefined;
  /** The same with more tokens, whose ids follow. */
  withTokens(tokens: readonly string[]): ExtendableTokenizer;
  /** The token of an id. */
  idToToken(id: number): string | undefined;
}

/** Whether a tokenizer can be given more tokens. */
export function isExtendable(tokenizer: unknown): tokenizer is ExtendableTokenizer {
  return typeof (tokenizer as ExtendableTokenizer | null)?.withTokens === "function";
}

/** A word and its vectors. */
export interface Inversion {
  readonly token: string;
  /** float32 [vectors, width]. */
  readonly vectors: Tensor;
}

/** The tokens of a word with that many vectors: `<cat>`, `<cat>_1`, ... */
export function tokensOf({ token, vectors }: Inversion): string[] {
  return Array.from({ length: vectors.dims[0]! }, (_, i) => i === 0 ? token : `${token}_${i}`);
}

/** A tokenizer that knows learned words and writes those of several vectors out in full. */
export class InversionTokenizer implements Tokenizer {
  /** The tokenizer without the words. */
  readonly base: ExtendableTokenizer;
  /** The words, in the order of their ids. */
  readonly inversions: readonly Inversion[];
  readonly className: string;
  readonly library: string;
  readonly modelMaxLength: number;
  readonly #tokenizer: ExtendableTokenizer;
  readonly #ids: ReadonlyMap<number, Inversion>;

  constructor(base: ExtendableTokenizer, inversions: readonly Inversion[]) {
    this.base = base;
    this.inversions = inversions;
    this.className = base.className;
    this.library = base.library;
    this.modelMaxLength = base.modelMaxLength;
    this.#tokenizer = base.withTokens(inversions.flatMap(tokensOf));
    this.#ids = new Map(inversions.map((one) => [this.#tokenizer.tokenToId(one.token)!, one]));
  }

  encode(texts: string | readonly string[], options: TokenizeOptions = {}): Tokens {
    const list = typeof texts === "string" ? [texts] : texts;
    return this.#tokenizer.encode(list.map((text) => this.#expand(text)), options);
  }

  batchDecode(ids: Tensor, options: { readonly skipSpecialTokens?: boolean } = {}): string[] {
    return this.#tokenizer.batchDecode(ids, options);
  }

  idToToken(id: number): string | undefined {
    return this.#tokenizer.idToToken(id);
  }

  wordLength(id: number): number {
    return this.#ids.get(id)?.vectors.dims[0] ?? 1;
  }

  /** Writes the tokenizer without the words: their vectors are not saved with the encoder either. */
  savePretrained(folder: string): Promise<void> {
    return this.base.savePretrained(folder);
  }

  /** `<cat>` as `<cat> <cat>_1 <cat>_2` (`maybe_convert_prompt`). */
  #expand(text: string): string {
    if (typeof text !== "string") return text;
    const ids = new Set(Array.from(this.#tokenizer.encode(text).inputIds.data, Number));
    return [...ids].reduce<string>((result, id) => {
      const word = this.#ids.get(id);
      return word === undefined ? result : result.replaceAll(word.token, tokensOf(word).join(" "));
    }, text);
  }
}

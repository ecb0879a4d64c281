import type { Tensor } from "@denoise/core";

/** How text becomes token ids. */
export interface TokenizeOptions {
  /** Fill up to `maxLength`, to the longest text, or not at all. */
  readonly padding?: "max_length" | "longest" | false | undefined;
  /** Tokens of a row, special ones included. Defaults to the model's limit. */
  readonly maxLength?: number | undefined;
  /** Cut what is longer than `maxLength`. */
  readonly truncation?: boolean | undefined;
}

/** The role of a tokenizer. */
export interface Tokenizer {
  /** The class by the name that model_index.json gives it. */
  readonly className: string;
  /** The library that has the class, as model_index.json names it. */
  readonly library: string;
  /** The longest row the text encoder takes. */
  readonly modelMaxLength: number;
  /** Texts to rows of ids. */
  encode(
    texts: string | readonly string[],
    options?: TokenizeOptions,
  ): { readonly inputIds: Tensor; readonly attentionMask: Tensor };
  /** Rows of ids back to texts. */
  batchDecode(ids: Tensor, options?: { readonly skipSpecialTokens?: boolean }): string[];
  /** Writes its files into a folder that transformers can load. */
  savePretrained(folder: string): Promise<void>;
}

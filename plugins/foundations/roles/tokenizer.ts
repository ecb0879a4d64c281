import type { Tensor } from "@denoise/core";

/** How text becomes token ids. */
export interface TokenizeOptions {
  /** Fill up to `maxLength`, to the longest text, or not at all. */
  readonly padding?: "max_length" | "longest" | false | undefined;
  /** On which side rows are filled up. Defaults to that of the tokenizer's files. */
  readonly paddingSide?: "left" | "right" | undefined;
  /** Tokens of a row, special ones included. Defaults to the model's limit. */
  readonly maxLength?: number | undefined;
  /** Cut what is longer than `maxLength`. */
  readonly truncation?: boolean | undefined;
  /** Put the model's special tokens around each text. Defaults to true. */
  readonly addSpecialTokens?: boolean | undefined;
}

/** Texts as rows of ids. */
export interface Tokens {
  /** int64 [N, tokens]. */
  readonly inputIds: Tensor;
  /** int64 [N, tokens], 1 where a token counts, 0 where the row was filled up. */
  readonly attentionMask: Tensor;
  /** For each text the ids that truncation has cut off; absent of tokenizers that do not tell. */
  readonly removed?: readonly (readonly number[])[] | undefined;
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
  ): Tokens;
  /** Rows of ids back to texts. */
  batchDecode(ids: Tensor, options?: { readonly skipSpecialTokens?: boolean }): string[];
  /** The token of an id, or `undefined`. */
  readonly idToToken?: ((id: number) => string | undefined) | undefined;
  /** How many ids in a row are one learned word that begins with this id. One for each by default. */
  readonly wordLength?: ((id: number) => number) | undefined;
  /**
   * What of a text means nothing to the model. Only where tokenizer_config.json lists the words of a small model
   * under `taught`: `{ "model": id, "words": "all of them with spaces", "otherwise": what it draws for none,
   * "near": { name that it knows: "words, with commas, that mean nearly the same" } }`.
   */
  readonly unknownWords?: ((text: string) => UnknownWords | undefined) | undefined;
  /** Writes its files into a folder that transformers can load. */
  savePretrained(folder: string): Promise<void>;
}

/** What of a text a model was not taught. */
export interface UnknownWords {
  /** The model, by its id. */
  readonly model: string;
  /** The words, as they stand in the text, in lower case. */
  readonly words: readonly string[];
  /** What it draws instead, where it knows no word of the text. */
  readonly draws?: string | undefined;
  /** Names that it knows and that are nearest to those words, by meaning or else by spelling. */
  readonly near?: readonly string[] | undefined;
}

/** What is said in a chat. */
export interface ChatMessage {
  /** Who says it: `"system"`, `"user"` or `"assistant"`. */
  readonly role: string;
  /** What is said: a text, or parts one after the other, as templates of models that read images too expect them. */
  readonly content: string | readonly ChatPart[];
}

/** A part of what is said in a chat. */
export interface ChatPart {
  /** What it is. */
  readonly type: "text";
  /** Its words. */
  readonly text: string;
}

/** How a chat becomes a text. */
export interface ChatOptions {
  /** Ends the text with the beginning of an answer. Defaults to true. */
  readonly addGenerationPrompt?: boolean | undefined;
  /** What else the template may read, such as `enable_thinking`. */
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
}

/** The role of a tokenizer that knows how a chat with its model is written. */
export interface ChatTokenizer extends Tokenizer {
  /** What begins each text, where the template writes it too: such a chat must get no second one. */
  readonly bosToken?: string | undefined;
  /** A chat as the text that the model was taught to answer. */
  applyChatTemplate(messages: readonly ChatMessage[], options?: ChatOptions): string;
}

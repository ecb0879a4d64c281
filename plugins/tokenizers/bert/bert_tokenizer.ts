import {
  defineTokenizer,
  type PretrainedTokenizer,
  type TokenizerClass,
  type TokenizerFiles,
  type Vocabulary,
} from "@denoise/tokenizers";
import { buildBackend } from "./_backend.ts";
import { FILE_NAMES, readBertFiles } from "./_files.ts";

/** Options of a tokenizer of a vocabulary at hand. */
export interface BertTokenizerOptions {
  /** The longest row the text encoder takes. Defaults to 512. */
  readonly modelMaxLength?: number | undefined;
  /** Whether text is put into lower case. Defaults to true. */
  readonly doLowerCase?: boolean | undefined;
}

/** What the class has beside loading. */
export interface BertVocabulary {
  /**
   * A tokenizer of a vocabulary at hand.
   *
   * @param vocab Ids by token.
   */
  fromVocabulary(vocab: Vocabulary, options?: BertTokenizerOptions): BertTokenizer;
}

/** A loaded BertTokenizer. */
export type BertTokenizer = PretrainedTokenizer;

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
export const BertTokenizer: TokenizerClass<BertTokenizer, BertVocabulary> = defineTokenizer({
  className: "BertTokenizer",
  aliases: ["BertTokenizerFast"],
  specialTokens: { unk: "[UNK]", sep: "[SEP]", pad: "[PAD]", cls: "[CLS]", mask: "[MASK]" },
  modelMaxLength: 512,
  before: "cls",
  behind: "sep",
  fileNames: FILE_NAMES,
  read: readBertFiles,
  backend: buildBackend,
  write({ vocab }: TokenizerFiles) {
    const tokens = Object.entries(vocab).toSorted(([, a], [, b]) => a - b);
    return { "vocab.txt": tokens.map(([token]) => `${token}\n`).join("") };
  },
  statics: (make): BertVocabulary => ({
    fromVocabulary: (vocab, { modelMaxLength = 512, doLowerCase = true } = {}) =>
      make({
        vocab,
        config: { model_max_length: modelMaxLength, do_lower_case: doLowerCase },
        specialTokens: {},
        addedTokens: [],
      }),
  }),
});

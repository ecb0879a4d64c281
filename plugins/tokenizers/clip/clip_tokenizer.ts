import {
  bytePairFileNames,
  type BytePairFiles,
  defineTokenizer,
  type PretrainedTokenizer,
  readBytePairFiles,
  type TokenizerClass,
  type Vocabulary,
} from "@denoise/tokenizers";
import { buildBackend } from "./_backend.ts";

/** Options of a tokenizer of a vocabulary at hand. */
export interface CLIPTokenizerOptions {
  /** The longest row the text encoder takes. Defaults to 77. */
  readonly modelMaxLength?: number | undefined;
  /** What rows are filled up with. Defaults to `<|endoftext|>`. */
  readonly padToken?: string | undefined;
}

/** What the class has beside loading. */
export interface CLIPVocabulary {
  /**
   * A tokenizer of a vocabulary at hand.
   *
   * @param vocab Ids by token.
   * @param merges Pairs of tokens to merge, the most important first.
   */
  fromVocabulary(
    vocab: Vocabulary,
    merges: readonly (readonly [string, string])[],
    options?: CLIPTokenizerOptions,
  ): CLIPTokenizer;
}

/** A loaded CLIPTokenizer. */
export type CLIPTokenizer = PretrainedTokenizer;

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
export const CLIPTokenizer: TokenizerClass<CLIPTokenizer, CLIPVocabulary> = defineTokenizer({
  className: "CLIPTokenizer",
  aliases: ["CLIPTokenizerFast"],
  specialTokens: {
    bos: "<|startoftext|>",
    eos: "<|endoftext|>",
    unk: "<|endoftext|>",
    pad: "<|endoftext|>",
  },
  modelMaxLength: 77,
  before: "bos",
  behind: "eos",
  fileNames: bytePairFileNames,
  read: readBytePairFiles,
  backend: buildBackend,
  write: ({ vocab, merges }: BytePairFiles) => ({
    "vocab.json": JSON.stringify(vocab),
    "merges.txt": `#version: 0.2\n${merges.map((pair) => `${pair.join(" ")}\n`).join("")}`,
  }),
  statics: (make): CLIPVocabulary => ({
    fromVocabulary: (vocab, merges, { modelMaxLength = 77, padToken = "<|endoftext|>" } = {}) =>
      make({
        vocab,
        merges,
        config: { model_max_length: modelMaxLength, pad_token: padToken },
        specialTokens: {},
        addedTokens: [],
      }),
  }),
});

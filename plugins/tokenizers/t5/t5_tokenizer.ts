import {
  defineTokenizer,
  type PretrainedTokenizer,
  readUnigramFiles,
  type ScoredPiece,
  type TokenizerClass,
  type TokenizerFiles,
  type TokenizerTokens,
  unigramBackend,
  unigramFileNames,
  type UnigramFiles,
  type UnigramLayout,
  unigramTokens,
  vocabularyOf,
} from "@denoise/tokenizers";

/** How many tokens such as `<extra_id_0>` there are unless the files say otherwise. */
const EXTRA_IDS = 100;

/** How T5 has its pieces: those of the SentencePiece model, and tokens for spans that were taken out. */
const LAYOUT: UnigramLayout = {
  fileName: "spiece.model",
  unkId: 2,
  arrange: (pieces, { config }) => [
    ...pieces,
    ...extraIds(config).map((token): ScoredPiece => [token, 0]),
  ],
};

/** What T5 takes where the files say nothing. */
const SPECIAL = { eos: "</s>", unk: "<unk>", pad: "<pad>" };

/** Options of a tokenizer of pieces at hand. */
export interface T5TokenizerOptions {
  /** The longest row the text encoder takes. No limit by default. */
  readonly modelMaxLength?: number | undefined;
  /** How many tokens such as `<extra_id_0>` there are beside the pieces. None by default. */
  readonly extraIds?: number | undefined;
}

/** What the class has beside loading. */
export interface T5Vocabulary {
  /**
   * A tokenizer of pieces at hand, without a normalization.
   *
   * @param pieces Each with the logarithm of its probability, in the order of their ids; the third
   * stands for unknown text.
   */
  fromPieces(pieces: readonly ScoredPiece[], options?: T5TokenizerOptions): T5Tokenizer;
}

/** A loaded T5Tokenizer. */
export type T5Tokenizer = PretrainedTokenizer;

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
export const T5Tokenizer: TokenizerClass<T5Tokenizer, T5Vocabulary> = defineTokenizer({
  className: "T5Tokenizer",
  aliases: ["T5TokenizerFast"],
  specialTokens: SPECIAL,
  behind: "eos",
  fileNames: unigramFileNames(LAYOUT),
  read: (folder) => readUnigramFiles(folder, LAYOUT),
  tokens: tokensOf,
  backend: (files, { added }) => unigramBackend(files, added, LAYOUT.unkId),
  write: ({ pieces }: UnigramFiles) => ({
    "tokenizer.json": JSON.stringify(tokenizerJson(pieces), null, 2),
  }),
  statics: (make): T5Vocabulary => ({
    fromPieces: (own, { modelMaxLength, extraIds: count = 0 } = {}) => {
      const config = {
        extra_ids: count,
        ...(modelMaxLength === undefined ? {} : { model_max_length: modelMaxLength }),
      };
      const pieces = [...own, ...extraIds(config).map((token): ScoredPiece => [token, 0])];
      return make({
        pieces,
        vocab: vocabularyOf(pieces),
        config,
        charsmap: undefined,
        symbols: [],
        specialTokens: {},
        addedTokens: [],
      });
    },
  }),
});

/** The names of those tokens, the last one first, as they stand in the vocabulary. */
function extraIds(config: TokenizerFiles["config"]): string[] {
  const count = config["extra_ids"];
  const length = typeof count === "number" ? count : EXTRA_IDS;
  return Array.from({ length }, (_, i) => `<extra_id_${length - 1 - i}>`);
}

/** The special tokens of the files, the extra ids among them, and the symbols of spiece.model. */
function tokensOf(files: UnigramFiles): TokenizerTokens {
  const { config, specialTokens } = files;
  const named = config["added_tokens_decoder"] === undefined
    ? { ...config, ...specialTokens }
    : config;
  const given = named["extra_special_tokens"] ?? named["additional_special_tokens"];
  const listed = Array.isArray(given) ? given : [];
  const hasOwn = listed.some((token) => JSON.stringify(token).includes("<extra_id_"));
  const extra = hasOwn ? listed : [...listed, ...extraIds(config).reverse()];
  const { extra_special_tokens: _, ...otherSpecial } = specialTokens;
  return unigramTokens({
    ...files,
    config: { ...config, extra_special_tokens: extra },
    specialTokens: otherSpecial,
  }, SPECIAL);
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
    model: { type: "Unigram", unk_id: LAYOUT.unkId, vocab: pieces, byte_fallback: false },
  };
}

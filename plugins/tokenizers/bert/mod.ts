/**
 * # BERT tokenizer
 *
 * WordPiece (Wu et al., 2016, arXiv:1609.08144; Devlin et al., 2018, arXiv:1810.04805): text to the ids
 * that transformers' `BertTokenizer` gives, from the files of a repo.
 *
 * @example
 * ```ts
 * import { BertTokenizer } from "@denoise/tokenizer-bert";
 * import { assertEquals } from "@std/assert";
 *
 * const tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "cat"];
 * const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
 * const tokenizer = BertTokenizer.fromVocabulary(vocab);
 * const { inputIds } = tokenizer.encode(["A cat", "a dog"]);
 * assertEquals(inputIds.toNested(), [[2, 5, 6, 3], [2, 5, 1, 3]]);
 * ```
 *
 * @module
 */
export type { Encoding, Vocabulary } from "@denoise/tokenizers";
export { BertTokenizer, type BertTokenizerOptions, type BertVocabulary } from "./bert_tokenizer.ts";

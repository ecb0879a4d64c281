/**
 * # XLM-RoBERTa tokenizer
 *
 * The tokenizer of XLM-RoBERTa, with which Kandinsky 2.1 reads prompts in a hundred languages: text to the ids
 * that transformers' `XLMRobertaTokenizer` gives, from tokenizer.json or sentencepiece.bpe.model of a repo.
 *
 * @example
 * ```ts ignore
 * import { XLMRobertaTokenizer } from "@denoise/denoise";
 *
 * const tokenizer = await XLMRobertaTokenizer.fromPretrained("kandinsky-community/kandinsky-2-1", {
 *   subfolder: "tokenizer",
 * });
 * const { inputIds } = tokenizer.encode("красная кошка");
 * ```
 *
 * @module
 */
export { XLMRobertaTokenizer } from "./xlm_roberta_tokenizer.ts";

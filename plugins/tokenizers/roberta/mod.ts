/**
 * # RoBERTa tokenizer
 *
 * The tokenizer of RoBERTa, with which AudioLDM reads prompts: text to the ids that transformers'
 * `RobertaTokenizer` gives, from tokenizer.json, or vocab.json and merges.txt of a repo.
 *
 * @example
 * ```ts ignore
 * import { RobertaTokenizer } from "@denoise/denoise";
 *
 * const tokenizer = await RobertaTokenizer.fromPretrained("cvssp/audioldm-s-full-v2", {
 *   subfolder: "tokenizer",
 * });
 * const { inputIds } = tokenizer.encode("a dog barks");
 * ```
 *
 * @module
 */
export type { Encoding } from "@denoise/tokenizers";
export { RobertaTokenizer } from "./roberta_tokenizer.ts";

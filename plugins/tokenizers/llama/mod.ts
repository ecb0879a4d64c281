/**
 * # Llama tokenizer
 *
 * The tokenizer of Llama and of Pile-T5, with which AuraFlow reads prompts: text to the ids that transformers'
 * `LlamaTokenizer` gives, from tokenizer.json of a repo.
 *
 * @example
 * ```ts ignore
 * import { LlamaTokenizer } from "@denoise/denoise";
 *
 * const tokenizer = await LlamaTokenizer.fromPretrained("fal/AuraFlow-v0.3", {
 *   subfolder: "tokenizer",
 * });
 * const { inputIds } = tokenizer.encode("a red fox");
 * ```
 *
 * @module
 */
export type { Encoding } from "@denoise/tokenizers";
export { LlamaTokenizer } from "./llama_tokenizer.ts";

/**
 * # Gemma tokenizer
 *
 * The tokenizer of Gemma and Gemma 2, with which Sana and Lumina 2 read prompts: text to the ids that
 * transformers' `GemmaTokenizer` gives, from tokenizer.json of a repo.
 *
 * @example
 * ```ts ignore
 * import { GemmaTokenizer } from "@denoise/denoise";
 *
 * const tokenizer = await GemmaTokenizer.fromPretrained(
 *   "Efficient-Large-Model/Sana_600M_1024px_diffusers",
 *   { subfolder: "tokenizer" },
 * );
 * const { inputIds } = tokenizer.encode("a red fox"); // <bos> first
 * ```
 *
 * @module
 */
export type { Encoding } from "@denoise/tokenizers";
export { GemmaTokenizer } from "./gemma_tokenizer.ts";

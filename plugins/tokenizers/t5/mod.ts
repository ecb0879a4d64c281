/**
 * # T5 tokenizer
 *
 * The tokenizer of DeepFloyd IF, PixArt, Stable Diffusion 3 and FLUX: text to the ids that
 * transformers' `T5Tokenizer` gives, from tokenizer.json or spiece.model of a repo.
 *
 * @example
 * ```ts
 * import { T5Tokenizer } from "@denoise/tokenizer-t5";
 * import { assertEquals } from "@std/assert";
 *
 * const pieces = [["<pad>", 0], ["</s>", 0], ["<unk>", 0], ["▁red", -2], ["▁app", -3], ["le", -4]];
 * const tokenizer = T5Tokenizer.fromPieces(pieces as [string, number][]);
 * const { inputIds } = tokenizer.encode("red  apple", { padding: "max_length", maxLength: 6 });
 * assertEquals(inputIds.toNested(), [[3, 4, 5, 1, 0, 0]]);
 * ```
 *
 * @module
 */
export type { ScoredPiece } from "@denoise/tokenizers";
export { T5Tokenizer, type T5TokenizerOptions, type T5Vocabulary } from "./t5_tokenizer.ts";

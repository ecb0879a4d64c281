/**
 * # CLIP tokenizer
 *
 * The tokenizer of Stable Diffusion 1.x, 2.x and XL: text to the ids that transformers'
 * `CLIPTokenizer` gives, from the files of a repo.
 *
 * @example
 * ```ts
 * import { CLIPTokenizer } from "@denoise/tokenizer-clip";
 * import { assertEquals } from "@std/assert";
 *
 * const vocab = { "a</w>": 0, "<|startoftext|>": 1, "<|endoftext|>": 2 };
 * const tokenizer = CLIPTokenizer.fromVocabulary(vocab, []);
 * const { inputIds, attentionMask } = tokenizer.encode("A a", { padding: "max_length" });
 * assertEquals(inputIds.dims, [1, 77]);
 * assertEquals(attentionMask.sum().item(), 4);
 * ```
 *
 * @module
 */
export type { Encoding, Vocabulary } from "@denoise/tokenizers";
export { CLIPTokenizer, type CLIPTokenizerOptions, type CLIPVocabulary } from "./clip_tokenizer.ts";

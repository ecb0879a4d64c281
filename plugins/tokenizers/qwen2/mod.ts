/**
 * # Qwen2 tokenizer
 *
 * The tokenizer of Qwen2, Qwen2.5 and Qwen3, with which Z-Image reads prompts: text to the ids that
 * transformers' `Qwen2Tokenizer` gives, from tokenizer.json, or vocab.json and merges.txt of a repo; and
 * chats to text by the repo's template.
 *
 * @example
 * ```ts ignore
 * import { Qwen2Tokenizer } from "@denoise/denoise";
 *
 * const tokenizer = await Qwen2Tokenizer.fromPretrained("Tongyi-MAI/Z-Image-Turbo", {
 *   subfolder: "tokenizer",
 * });
 * const text = tokenizer.applyChatTemplate([{ role: "user", content: "a red fox" }]);
 * const { inputIds } = tokenizer.encode(text);
 * ```
 *
 * @module
 */
export type { ChatMessage, ChatOptions } from "@denoise/roles";
export type { Encoding } from "@denoise/tokenizers";
export type { ImagePatches, PatchConfig, PixelRange } from "@denoise/processors";
export { Qwen2Tokenizer, type Qwen3VLImageProcessor, Qwen3VLProcessor } from "./qwen2_tokenizer.ts";

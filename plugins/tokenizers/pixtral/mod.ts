/**
 * # Pixtral processor
 *
 * What prepares texts for Mistral Small 3.1 and 3.2, with which FLUX.2 dev reads prompts: chats to text by the
 * repo's template, and text to the ids that transformers' `PixtralProcessor` gives, from tokenizer.json of a repo;
 * and `TokenizersBackend`, the same for repos that have the tokenizer alone, as ERNIE-Image's of Ministral 3.
 *
 * Not covered: images in chats, which no pipeline needs for a prompt; `tekken.json`, which Mistral's own repos have in place of
 * tokenizer.json.
 *
 * @example
 * ```ts ignore
 * import { PixtralProcessor } from "@denoise/denoise";
 *
 * const tokenizer = await PixtralProcessor.fromPretrained("black-forest-labs/FLUX.2-dev", {
 *   subfolder: "tokenizer",
 * });
 * const content = [{ type: "text", text: "a red fox" }] as const;
 * const text = tokenizer.applyChatTemplate([{ role: "user", content }], { addGenerationPrompt: false });
 * const { inputIds } = tokenizer.encode(text, { addSpecialTokens: false });
 * ```
 *
 * @module
 */
export type { ChatMessage, ChatOptions, ChatPart } from "@denoise/roles";
export type { Encoding } from "@denoise/tokenizers";
export { PixtralProcessor, TokenizersBackend } from "./pixtral_processor.ts";

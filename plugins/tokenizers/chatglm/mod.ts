/**
 * # ChatGLM tokenizer
 *
 * The tokenizer of ChatGLM3, with which Kolors reads prompts in Chinese and English: text to the ids that
 * diffusers' `ChatGLMTokenizer` gives, from tokenizer.model of a repo.
 *
 * @example
 * ```ts ignore
 * import { ChatGLMTokenizer } from "@denoise/denoise";
 *
 * const tokenizer = await ChatGLMTokenizer.fromPretrained("Kwai-Kolors/Kolors-diffusers", {
 *   subfolder: "tokenizer",
 * });
 * const { inputIds } = tokenizer.encode("一只红色的猫");
 * ```
 *
 * @module
 */
export { ChatGLMTokenizer } from "./chatglm_tokenizer.ts";

/**
 * Prompts whose words count more or less, and prompts of any length, for CLIP: in the syntax of compel
 * (https://github.com/damian0815/compel) or of AUTOMATIC1111's web interface.
 *
 * @module
 */
export {
  encodeInSyntax,
  type PromptSyntax,
  type PromptSyntaxOptions,
  promptSyntaxOptions,
} from "./encode.ts";
export type { SyntaxEncoder, TextStates } from "./text_states.ts";

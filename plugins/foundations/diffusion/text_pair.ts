import { type CallOptions, Tensor } from "@denoise/core";
import { oncePerText } from "./once_per_text.ts";
import { checkPrompts, countPrompts, type Prompt, type PromptOptions } from "./prompt.ts";

/** The prompts of a call of one text encoder, all of whose texts have as many states. */
export type TextPairOptions = Omit<PromptOptions, "clipSkip">;

/** The declarations of {@linkcode TextPairOptions}. */
export const textPairOptions: CallOptions<TextPairOptions> = {
  negativePrompt: { type: "string", list: "allowed" },
  numImagesPerPrompt: { type: "integer", minimum: 1 },
  promptEmbeds: { type: "tensor" },
  negativePromptEmbeds: { type: "tensor" },
};

/** The states of a call's texts, one row for each image, float32 [N, tokens, width]. */
export interface TextPair {
  /** What the images show. */
  readonly wanted: Tensor;
  /** What they do not; undefined without guidance. */
  readonly unwanted: Tensor | undefined;
}

/**
 * The states of prompts and, where a call is guided, of negative ones: an empty text where the call says none.
 *
 * @param encode States of one text, float32 [1, tokens, width]; equal texts are read once.
 * @throws {TypeError} for both or neither of prompt and states.
 */
export async function encodeTextPair(
  prompt: Prompt | undefined,
  options: TextPairOptions,
  guided: boolean,
  encode: (text: string) => Promise<Tensor>,
): Promise<TextPair> {
  checkPrompts(prompt, options, true);
  const { promptEmbeds, negativePromptEmbeds, negativePrompt = "" } = options;
  const { numImagesPerPrompt = 1 } = options;
  const count = countPrompts(prompt, options);
  const read = oncePerText(encode);
  const statesOf = async (texts: readonly string[]) => Tensor.cat(await read(texts), 0);
  const rows = (text: Prompt) => typeof text === "string" ? Array<string>(count).fill(text) : text;
  const spread = (states: Tensor) => states.repeatInterleave(numImagesPerPrompt, 0);
  const wanted = spread(promptEmbeds ?? await statesOf(rows(prompt!)));
  if (!guided) return { wanted, unwanted: undefined };
  return { wanted, unwanted: spread(negativePromptEmbeds ?? await statesOf(rows(negativePrompt))) };
}

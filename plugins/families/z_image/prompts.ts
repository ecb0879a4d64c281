import type { CallOptions, PipelineRun, Tensor } from "@denoise/core";
import {
  encodeTextRows,
  type Prompt,
  textReader,
  type TextRows,
  textStates,
} from "@denoise/diffusion";
import type { ZImageComponents } from "./components.ts";

/** The prompts of a call of Z-Image. */
export interface ZImagePromptOptions {
  /** What the image should not show: one text, or one for each prompt. Defaults to an empty text. */
  readonly negativePrompt?: Prompt | undefined;
  /** Images made of each prompt. Defaults to 1. */
  readonly numImagesPerPrompt?: number | undefined;
  /** States instead of prompts, for each one float32 [tokens, width]; with `negativePromptEmbeds` where the call is guided. */
  readonly promptEmbeds?: readonly Tensor[] | undefined;
  /** States instead of negative prompts, as many. */
  readonly negativePromptEmbeds?: readonly Tensor[] | undefined;
  /** Tokens of a prompt at most, those of the chat around it included. Defaults to 512. */
  readonly maxSequenceLength?: number | undefined;
}

/** The declarations of {@linkcode ZImagePromptOptions}. */
export const zImagePromptOptions: CallOptions<ZImagePromptOptions> = {
  negativePrompt: { type: "string", list: "allowed" },
  numImagesPerPrompt: { type: "integer", minimum: 1 },
  promptEmbeds: { type: "tensor", list: "required" },
  negativePromptEmbeds: { type: "tensor", list: "required" },
  maxSequenceLength: { type: "integer", minimum: 1 },
};

/**
 * Prompts to states (`encode_prompt` of ZImagePipeline): each as a chat of one message, read by the
 * language model up to its last layer but one.
 *
 * @param guided Whether negative prompts are encoded too.
 * @throws {TypeError} for both or neither of prompt and states, and for states alone in a guided call.
 * @throws {DenoiseError} `missing_component` without a text encoder.
 */
export async function encodeZImagePrompts(
  { components, warn }: Pick<
    PipelineRun<Pick<ZImageComponents, "textEncoder" | "tokenizer">>,
    "components" | "warn"
  >,
  prompt: Prompt | undefined,
  options: ZImagePromptOptions & { readonly signal?: AbortSignal | undefined },
  guided: boolean,
): Promise<TextRows> {
  const { promptEmbeds, negativePromptEmbeds, signal, maxSequenceLength: maxLength = 512 } =
    options;
  const isAlone = prompt === undefined && negativePromptEmbeds === undefined;
  if (guided && promptEmbeds !== undefined && isAlone) {
    throw new TypeError(
      "Cannot guide by promptEmbeds alone: give negativePromptEmbeds with them, or a guidanceScale of 0",
    );
  }
  const encode = async (texts: readonly string[]): Promise<readonly Tensor[]> => {
    const reader = textReader(components);
    const chats = texts.map((content) =>
      reader.tokenizer.applyChatTemplate([{ role: "user", content }], {
        variables: { enable_thinking: true },
      })
    );
    const states = await textStates(reader, chats, { indices: [-2], maxLength, warn, signal });
    return states.map(([state]) => state!.squeeze(0));
  };
  return await encodeTextRows(prompt, options, { guided, negative: "", encode });
}

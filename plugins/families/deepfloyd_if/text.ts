import { type PipelineRun, Tensor } from "@denoise/core";
import {
  type CaptionOptions,
  captionReader,
  checkPrompts,
  encodeTextPair,
  type Prompt,
  type TextPair,
  type TextPairOptions,
  textReader,
  warnOfCut,
} from "@denoise/diffusion";
import type { IFComponents } from "./components.ts";

/** Tokens that the text encoder was trained with, whatever T5 can read. */
const LENGTH = 77;

/** How the texts of a call are said. */
export interface IFTextOptions extends TextPairOptions, CaptionOptions {}

/**
 * Prompts to T5's states of 77 tokens (`encode_prompt` of IFPipeline), one row for each image.
 *
 * @param guided Whether negative prompts are encoded too.
 * @throws {TypeError} for both or neither of prompt and states, and for states of two shapes.
 */
export async function encodeIFTexts(
  { components, warn }: Pick<PipelineRun<IFComponents>, "components" | "warn">,
  prompt: Prompt | undefined,
  options: IFTextOptions,
  guided: boolean,
): Promise<TextPair> {
  checkPrompts(prompt, options);
  const maxLength = options.promptEmbeds?.dims[1] ?? LENGTH;
  const caption = captionReader(options, warn);
  const wanted = new Set([prompt ?? []].flat());
  return await encodeTextPair(prompt, options, guided, async (text) => {
    const { tokenizer, textEncoder } = textReader(components);
    const how = { padding: "max_length", maxLength, truncation: true } as const;
    const tokens = tokenizer.encode([caption(text)], how);
    if (wanted.has(text)) warnOfCut({ tokenizer, warn }, tokens, maxLength, "the length of texts");
    const { inputIds, attentionMask } = tokens;
    return (await textEncoder.forward(inputIds, { attentionMask })).lastHiddenState;
  });
}

/** The states of a call as its UNet takes them, those of what is not wanted first. */
export function bothStates({ wanted, unwanted }: TextPair): Tensor {
  return unwanted === undefined ? wanted : Tensor.cat([unwanted, wanted]);
}

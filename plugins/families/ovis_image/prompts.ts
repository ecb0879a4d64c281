import { type CallOptions, type PipelineRun, Tensor } from "@denoise/core";
import {
  encodeTextPair,
  type Prompt,
  type TextPair,
  type TextPairOptions,
  textPairOptions,
  textReader,
  warnOfCut,
} from "@denoise/diffusion";
import type { OvisImageComponents } from "./components.ts";

/** The prompts of a call of Ovis-Image. */
export interface OvisImagePromptOptions extends TextPairOptions {
  /** Tokens of a prompt, those of the chat behind it included; fewer are filled up. 1..256, which is the default. */
  readonly maxSequenceLength?: number | undefined;
}

/** The declarations of {@linkcode OvisImagePromptOptions}. */
export const ovisImagePromptOptions: CallOptions<OvisImagePromptOptions> = {
  ...textPairOptions,
  maxSequenceLength: { type: "integer", minimum: 1, maximum: 256 },
};

/** The instruction before a prompt (`system_prompt`). */
const INSTRUCTION =
  "Describe the image by detailing the color, quantity, text, shape, size, texture, " +
  "spatial relationships of the objects and background: ";

/** How many tokens it has with what begins the chat, whatever the tokenizer (`user_prompt_begin_id`). */
const INSTRUCTION_TOKENS = 28;

/**
 * Prompts to states (`encode_prompt` of OvisImagePipeline): each as a chat of one message without thinking, behind
 * an instruction whose states are left out; filled up with zeros, which the transformer attends to.
 *
 * @param guided Whether negative prompts are encoded too.
 * @throws {TypeError} for both or neither of prompt and states.
 * @throws {DenoiseError} `missing_component` without a text encoder.
 */
export async function encodeOvisImagePrompts(
  { components, warn }: Pick<
    PipelineRun<Pick<OvisImageComponents, "textEncoder" | "tokenizer">>,
    "components" | "warn"
  >,
  prompt: Prompt | undefined,
  options: OvisImagePromptOptions & { readonly signal?: AbortSignal | undefined },
  guided: boolean,
): Promise<TextPair> {
  const { maxSequenceLength: maxLength = 256, signal } = options;
  return await encodeTextPair(prompt, options, guided, async (text) => {
    const { tokenizer, textEncoder } = textReader(components);
    const chat = tokenizer.applyChatTemplate([{ role: "user", content: INSTRUCTION + text }], {
      variables: { enable_thinking: false },
    });
    const tokens = tokenizer.encode(chat, {
      padding: "max_length",
      truncation: true,
      maxLength: maxLength + INSTRUCTION_TOKENS,
      addSpecialTokens: false,
    });
    warnOfCut({ tokenizer, warn }, tokens, maxLength);
    const { inputIds, attentionMask } = tokens;
    const [states] = await textEncoder.hiddenStates(inputIds, [-1], { attentionMask, signal });
    const counted = Tensor.from(Array.from(attentionMask.data, Number), [
      1,
      attentionMask.dims[1]!,
      1,
    ]);
    return states!.mul(counted).slice(1, INSTRUCTION_TOKENS, maxLength + INSTRUCTION_TOKENS);
  });
}

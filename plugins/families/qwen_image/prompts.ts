import type { CallOptions, PipelineRun, Tensor } from "@denoise/core";
import {
  encodeTextRows,
  type Prompt,
  type TextRowOptions,
  textRowOptions,
  type TextRows,
  textStates,
} from "@denoise/diffusion";
import type { QwenImageComponents } from "./components.ts";

/** The prompts of a call of Qwen-Image. */
export interface QwenImagePromptOptions extends TextRowOptions {
  /** Tokens of a prompt that count, 1..1024. Defaults to 512. */
  readonly maxSequenceLength?: number | undefined;
}

/** The declarations of {@linkcode QwenImagePromptOptions}. */
export const qwenImagePromptOptions: CallOptions<QwenImagePromptOptions> = {
  ...textRowOptions,
  maxSequenceLength: { type: "integer", minimum: 1, maximum: 1024 },
};

/** The instruction before a prompt (`prompt_template_encode`). */
const INSTRUCTION =
  "<|im_start|>system\nDescribe the image by detailing the color, shape, size, texture, " +
  "quantity, text, spatial relationships of the objects and background:<|im_end|>\n<|im_start|>user\n";

/** How many tokens it has, whatever the tokenizer (`prompt_template_encode_start_idx`). */
const INSTRUCTION_TOKENS = 34;

/** What ends a prompt. */
const ANSWER = "<|im_end|>\n<|im_start|>assistant\n";

/** What a call says of its prompts to those who encode them. */
export type QwenImagePromptCall = QwenImagePromptOptions & {
  readonly signal?: AbortSignal | undefined;
};

/**
 * Prompts to states (`encode_prompt` of QwenImagePipeline): each behind an instruction to describe an image,
 * whose states are left out.
 *
 * @param guided Whether a negative prompt is encoded, where there is one.
 * @throws {TypeError} for both or neither of prompt and states.
 * @throws {DenoiseError} `missing_component` without a text encoder.
 */
export async function encodeQwenImagePrompts(
  { components, warn }: Pick<
    PipelineRun<Pick<QwenImageComponents, "textEncoder" | "tokenizer">>,
    "components" | "warn"
  >,
  prompt: Prompt | undefined,
  options: QwenImagePromptCall,
  guided: boolean,
): Promise<TextRows> {
  const { maxSequenceLength: maxLength = 512, signal } = options;
  const encode = async (texts: readonly string[]): Promise<readonly Tensor[]> => {
    const states = await textStates(
      components,
      texts.map((text) => INSTRUCTION + text + ANSWER),
      { indices: [-1], maxLength, skipped: INSTRUCTION_TOKENS, warn, signal },
    );
    return states.map(([state]) => state!.squeeze(0));
  };
  const cut = (row: Tensor) => row.slice(0, 0, Math.min(maxLength, row.dims[0]!));
  return await encodeTextRows(prompt, options, { guided, encode, cut });
}

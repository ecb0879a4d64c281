import type { Tensor } from "@denoise/core";
import {
  encodeTextRows,
  oncePerText,
  type Prompt,
  textReader,
  type TextRowOptions,
  type TextRows,
} from "@denoise/diffusion";
import type { QwenImage21Components } from "./components.ts";

/** What the language model is asked for (`sys_prompt`). */
const SYSTEM = "Comprehend and analyze the provided prompt.";

/**
 * Prompts to states (`encode_prompt` of QwenImage21Pipeline): each behind an instruction, whose states are left
 * out, after the language model's last layer and before its final norm.
 *
 * @param guided Whether a negative prompt is encoded, where there is one.
 * @throws {TypeError} for both or neither of prompt and states.
 * @throws {DenoiseError} `missing_component` without a text encoder or processor.
 */
export async function encodeQwenImage21Prompts(
  { textEncoder, processor }: Pick<QwenImage21Components, "textEncoder" | "processor">,
  prompt: Prompt | undefined,
  options: TextRowOptions & { readonly signal?: AbortSignal | undefined },
  guided: boolean,
): Promise<TextRows> {
  const { signal } = options;
  const encode = oncePerText(async (text) => {
    const reader = textReader({ tokenizer: processor, textEncoder }, "processor");
    const { tokenizer } = reader;
    const content = [{ type: "text", text: SYSTEM }] as const;
    const instruction = tokenizer.applyChatTemplate([{ role: "system", content }], {
      addGenerationPrompt: false,
    });
    const skipped = tokenizer.encode(instruction).inputIds.dims[1]!;
    const chat = `<|im_start|>system\n${SYSTEM}<|im_end|>\n<|im_start|>user\n` +
      `${text === "" ? " " : text}<|im_end|>\n<|im_start|>assistant\n`;
    const { inputIds } = tokenizer.encode(chat);
    const given = { finalNorm: false, signal };
    const [states] = await reader.textEncoder.hiddenStates(inputIds, [-1], given) as [Tensor];
    return states.squeeze(0).slice(0, skipped, states.dims[1]!);
  });
  return await encodeTextRows(prompt, options, { guided, encode });
}

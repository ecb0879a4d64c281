import { type PipelineRun, Tensor } from "@denoise/core";
import {
  encodeTextRows,
  oncePerText,
  type Prompt,
  textReader,
  type TextRowOptions,
  type TextRows,
  warnOfCut,
} from "@denoise/diffusion";
import type { ChatTokenizer } from "@denoise/roles";
import type { ErnieImageComponents } from "./components.ts";

/**
 * Prompts to states (`encode_prompt` of ErnieImagePipeline): those before the language model's last layer.
 *
 * @param guided Whether negative prompts are encoded too.
 * @throws {TypeError} for both or neither of prompt and states.
 * @throws {DenoiseError} `missing_component` without a text encoder.
 */
export async function encodeErnieImagePrompts(
  { components, warn }: Pick<
    PipelineRun<Pick<ErnieImageComponents, "textEncoder" | "tokenizer">>,
    "components" | "warn"
  >,
  prompt: Prompt | undefined,
  options: TextRowOptions & { readonly signal?: AbortSignal | undefined },
  guided: boolean,
): Promise<TextRows> {
  const { signal } = options;
  const encode = oncePerText(async (text) => {
    const { tokenizer, textEncoder } = textReader(components);
    const tokens = tokenizer.encode(text, { truncation: true });
    warnOfCut({ tokenizer, warn }, tokens, "The text encoder");
    const { inputIds } = tokens;
    const ids = inputIds.size > 0 ? inputIds : firstToken(tokenizer);
    const [states] = await textEncoder.hiddenStates(ids, [-2], { signal });
    return states!.squeeze(0);
  });
  return await encodeTextRows(prompt, options, { guided, negative: "", encode });
}

/** What stands for a text without tokens: what begins others, or the first token of all. */
function firstToken(tokenizer: ChatTokenizer): Tensor {
  const { bosToken } = tokenizer;
  if (bosToken === undefined) return Tensor.zeros([1, 1], "int64");
  return tokenizer.encode(bosToken, { addSpecialTokens: false }).inputIds;
}

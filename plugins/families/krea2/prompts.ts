import { type CallOptions, type JsonObject, Tensor } from "@denoise/core";
import {
  encodeTextRows,
  type Prompt,
  type TextRowOptions,
  textRowOptions,
  type TextRows,
  textStates,
} from "@denoise/diffusion";
import { type Krea2Components, selectedLayers } from "./components.ts";

/**
 * The prompts of a call of Krea 2. A negative prompt defaults to an empty text; states in the place of prompts are
 * float32 [prompts, tokens, layers, width], or for each one [tokens, layers, width].
 */
export interface Krea2PromptOptions extends TextRowOptions {
  /** Tokens of a prompt that count, those that end the chat included, 5 or more. Defaults to 512. */
  readonly maxSequenceLength?: number | undefined;
}

/** The declarations of {@linkcode Krea2PromptOptions}. */
export const krea2PromptOptions: CallOptions<Krea2PromptOptions> = {
  ...textRowOptions,
  maxSequenceLength: { type: "integer", minimum: 5 },
};

/** The instruction before a prompt (`prompt_template_encode_prefix`), and how many tokens it has. */
const INSTRUCTION =
  "<|im_start|>system\nDescribe the image by detailing the color, shape, size, texture, " +
  "quantity, text, spatial relationships of the objects and background:<|im_end|>\n<|im_start|>user\n";
const INSTRUCTION_TOKENS = 34;

/** What ends a prompt, also one that is cut (`prompt_template_encode_suffix`). */
const ANSWER = { text: "<|im_end|>\n<|im_start|>assistant\n", tokens: 5 };

/**
 * Prompts to states (`get_text_hidden_states` of Krea2Pipeline): each behind an instruction to describe an image,
 * whose states are left out, and of each token the states of several layers. diffusers fills prompts up before what
 * ends them and masks what is between, so that nothing depends on it: here it is left out.
 *
 * @param guided Whether negative prompts are encoded too.
 * @throws {TypeError} for both or neither of prompt and states.
 * @throws {DenoiseError} `missing_component` without a text encoder.
 */
export async function encodeKrea2Prompts(
  { components, settings, warn }: {
    readonly components: Pick<Krea2Components, "textEncoder" | "tokenizer" | "transformer">;
    readonly settings: JsonObject;
    readonly warn: (message: string) => void;
  },
  prompt: Prompt | undefined,
  options: Krea2PromptOptions & { readonly signal?: AbortSignal | undefined },
  guided: boolean,
): Promise<TextRows> {
  const { maxSequenceLength: maxLength = 512, signal } = options;
  const encode = async (texts: readonly string[]): Promise<readonly Tensor[]> => {
    const states = await textStates(components, texts.map((text) => INSTRUCTION + text), {
      ...{ indices: selectedLayers(components, settings), suffix: ANSWER },
      ...{ maxLength, skipped: INSTRUCTION_TOKENS, warn, signal },
    });
    return states.map((layers) => Tensor.stack(layers.map((state) => state.squeeze(0)), 1));
  };
  return await encodeTextRows(prompt, options, { guided, negative: "", encode });
}

import { type CallOptions, type PipelineRun, Tensor } from "@denoise/core";
import type { ChatMessage, ChatOptions } from "@denoise/roles";
import { checkPrompts, oncePerText, type Prompt, textReader, warnOfCut } from "@denoise/diffusion";
import type { Flux2Components } from "./components.ts";

/** The prompts of a call of FLUX.2. */
export interface Flux2TextOptions {
  /** Images made of each prompt. Defaults to 1. */
  readonly numImagesPerPrompt?: number | undefined;
  /** States instead of prompts, float32 [prompts, tokens, width]. */
  readonly promptEmbeds?: Tensor | undefined;
  /** Tokens of a prompt, those of the chat around it included; fewer are filled up. Defaults to 512. */
  readonly maxSequenceLength?: number | undefined;
  /**
   * Which hidden states of the language model are put beside each other. Defaults to `[9, 18, 27]` of klein,
   * `[10, 20, 30]` of dev.
   */
  readonly textEncoderOutLayers?: readonly number[] | undefined;
}

/** The prompts of a call of FLUX.2 klein. */
export interface Flux2PromptOptions extends Flux2TextOptions {
  /** States instead of those of an empty text, which guidance leads away from; the same shape. */
  readonly negativePromptEmbeds?: Tensor | undefined;
}

/** The declarations of {@linkcode Flux2TextOptions}. */
export const flux2TextOptions: CallOptions<Flux2TextOptions> = {
  numImagesPerPrompt: { type: "integer", minimum: 1 },
  promptEmbeds: { type: "tensor" },
  maxSequenceLength: { type: "integer", minimum: 1 },
  textEncoderOutLayers: { type: "integer", list: "required" },
};

/** The declarations of {@linkcode Flux2PromptOptions}. */
export const flux2PromptOptions: CallOptions<Flux2PromptOptions> = {
  ...flux2TextOptions,
  negativePromptEmbeds: { type: "tensor" },
};

/** The texts of a call, one row for each image, float32 [N, tokens, width]. */
export interface Flux2Texts {
  /** What the images show. */
  readonly wanted: Tensor;
  /** An empty text; undefined without guidance. */
  readonly unwanted: Tensor | undefined;
}

/** What of a pipeline turns prompts into states. */
export type Flux2TextRun = Pick<
  PipelineRun<Pick<Flux2Components, "textEncoder" | "tokenizer">>,
  "components" | "warn"
>;

/** The prompts of a call with what cancels it. */
export type Flux2TextCall = Flux2PromptOptions & { readonly signal?: AbortSignal | undefined };

/** How a generation of FLUX.2 reads a prompt. */
interface Reading {
  /** The chat that it stands in. */
  readonly chat: (prompt: string) => readonly ChatMessage[];
  /** How the chat is written. */
  readonly options: ChatOptions;
  /** The hidden states that are put beside each other where the call says none. */
  readonly layers: readonly number[];
}

/** Klein: one message, without thinking. */
const KLEIN: Reading = {
  chat: (content) => [{ role: "user", content }],
  options: { variables: { enable_thinking: false } },
  layers: [9, 18, 27],
};

/** What dev is told before a prompt (`SYSTEM_MESSAGE`). */
const SYSTEM_MESSAGE =
  "You are an AI that reasons about image descriptions. You give structured responses focusing on object " +
  "relationships, object\nattribution and actions without speculation.";

/** Dev: a message of the system before it, no answer begun; what would stand for an image is left out of a prompt. */
const DEV: Reading = {
  chat: (prompt) => [
    { role: "system", content: [{ type: "text", text: SYSTEM_MESSAGE }] },
    { role: "user", content: [{ type: "text", text: prompt.replaceAll("[IMG]", "") }] },
  ],
  options: { addGenerationPrompt: false },
  layers: [10, 20, 30],
};

/**
 * Prompts to states (`encode_prompt` of Flux2KleinPipeline): each as a chat of one message without thinking,
 * filled up with padding, which the transformer attends to.
 *
 * @param guided Whether an empty text is encoded too.
 * @throws {TypeError} for both or neither of prompt and states.
 * @throws {DenoiseError} `missing_component` without a text encoder.
 */
export async function encodeKleinPrompts(
  run: Flux2TextRun,
  prompt: Prompt | undefined,
  options: Flux2TextCall,
  guided: boolean,
): Promise<Flux2Texts> {
  return await encodeChats(run, prompt, options, { guided, reading: KLEIN });
}

/**
 * Prompts to states (`encode_prompt` of Flux2Pipeline): each as a chat behind a message of the system, filled up
 * with padding, which the transformer attends to.
 *
 * @throws {TypeError} for both or neither of prompt and states.
 * @throws {DenoiseError} `missing_component` without a text encoder.
 */
export async function encodeDevPrompts(
  run: Flux2TextRun,
  prompt: Prompt | undefined,
  options: Flux2TextOptions & { readonly signal?: AbortSignal | undefined },
): Promise<Flux2Texts> {
  return await encodeChats(run, prompt, options, { guided: false, reading: DEV });
}

async function encodeChats(
  { components, warn }: Flux2TextRun,
  prompt: Prompt | undefined,
  options: Flux2TextCall,
  { guided, reading }: { readonly guided: boolean; readonly reading: Reading },
): Promise<Flux2Texts> {
  checkPrompts(prompt, options);
  const { promptEmbeds, negativePromptEmbeds, numImagesPerPrompt = 1, signal } = options;
  const { maxSequenceLength: maxLength = 512, textEncoderOutLayers = reading.layers } = options;
  const encode = async (texts: readonly string[]): Promise<Tensor> => {
    const { tokenizer, textEncoder } = textReader(components);
    const read = oncePerText(async (text) => {
      const chat = tokenizer.applyChatTemplate(reading.chat(text), reading.options);
      const { bosToken } = tokenizer;
      const tokens = tokenizer.encode(chat, {
        padding: "max_length",
        truncation: true,
        maxLength,
        addSpecialTokens: bosToken === undefined || !chat.startsWith(bosToken),
      });
      warnOfCut({ tokenizer, warn }, tokens, maxLength);
      const { inputIds, attentionMask } = tokens;
      const given = { attentionMask, signal };
      return Tensor.cat(await textEncoder.hiddenStates(inputIds, textEncoderOutLayers, given), 2);
    });
    return Tensor.cat(await read(texts), 0);
  };
  const spread = (states: Tensor) => states.repeatInterleave(numImagesPerPrompt, 0);
  const wanted = promptEmbeds ?? await encode([prompt!].flat());
  if (!guided) return { wanted: spread(wanted), unwanted: undefined };
  const empty = negativePromptEmbeds ?? await encode(Array<string>(wanted.dims[0]!).fill(""));
  return { wanted: spread(wanted), unwanted: spread(empty) };
}

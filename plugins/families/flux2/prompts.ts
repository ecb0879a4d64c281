import { type CallOptions, type PipelineRun, Tensor } from "@denoise/core";
import { checkPrompts, type Prompt, textReader, warnOfCut } from "@denoise/diffusion";
import type { Flux2Components } from "./components.ts";

/** The prompts of a call of FLUX.2 klein. */
export interface Flux2PromptOptions {
  /** Images made of each prompt. Defaults to 1. */
  readonly numImagesPerPrompt?: number | undefined;
  /** States instead of prompts, float32 [prompts, tokens, width]. */
  readonly promptEmbeds?: Tensor | undefined;
  /** States instead of those of an empty text, which guidance leads away from; the same shape. */
  readonly negativePromptEmbeds?: Tensor | undefined;
  /** Tokens of a prompt, those of the chat around it included; fewer are filled up. Defaults to 512. */
  readonly maxSequenceLength?: number | undefined;
  /** Which hidden states of the language model are put beside each other. Defaults to `[9, 18, 27]`. */
  readonly textEncoderOutLayers?: readonly number[] | undefined;
}

/** The declarations of {@linkcode Flux2PromptOptions}. */
export const flux2PromptOptions: CallOptions<Flux2PromptOptions> = {
  numImagesPerPrompt: { type: "integer", minimum: 1 },
  promptEmbeds: { type: "tensor" },
  negativePromptEmbeds: { type: "tensor" },
  maxSequenceLength: { type: "integer", minimum: 1 },
  textEncoderOutLayers: { type: "integer", list: "required" },
};

/** The texts of a call, one row for each image, float32 [N, tokens, width]. */
export interface Flux2Texts {
  /** What the images show. */
  readonly wanted: Tensor;
  /** An empty text; undefined without guidance. */
  readonly unwanted: Tensor | undefined;
}

/**
 * Prompts to states (`encode_prompt` of Flux2KleinPipeline): each as a chat of one message without thinking,
 * filled up with padding, which the transformer attends to.
 *
 * @param guided Whether an empty text is encoded too.
 * @throws {TypeError} for both or neither of prompt and states.
 * @throws {DenoiseError} `missing_component` without a text encoder.
 */
export async function encodeKleinPrompts(
  { components, warn }: Pick<
    PipelineRun<Pick<Flux2Components, "textEncoder" | "tokenizer">>,
    "components" | "warn"
  >,
  prompt: Prompt | undefined,
  options: Flux2PromptOptions & { readonly signal?: AbortSignal | undefined },
  guided: boolean,
): Promise<Flux2Texts> {
  checkPrompts(prompt, options);
  const { promptEmbeds, negativePromptEmbeds, numImagesPerPrompt = 1, signal } = options;
  const { maxSequenceLength: maxLength = 512, textEncoderOutLayers = [9, 18, 27] } = options;
  const encode = async (texts: readonly string[]): Promise<Tensor> => {
    const { tokenizer, textEncoder } = textReader(components);
    const known = new Map<string, Tensor>();
    for (const content of new Set(texts)) {
      const chat = tokenizer.applyChatTemplate([{ role: "user", content }], {
        variables: { enable_thinking: false },
      });
      const tokens = tokenizer.encode(chat, {
        padding: "max_length",
        truncation: true,
        maxLength,
      });
      warnOfCut({ tokenizer, warn }, tokens, maxLength);
      const { inputIds, attentionMask } = tokens;
      const given = { attentionMask, signal };
      known.set(
        content,
        Tensor.cat(await textEncoder.hiddenStates(inputIds, textEncoderOutLayers, given), 2),
      );
    }
    return Tensor.cat(texts.map((text) => known.get(text)!), 0);
  };
  const spread = (states: Tensor) => states.repeatInterleave(numImagesPerPrompt, 0);
  const wanted = promptEmbeds ?? await encode([prompt!].flat());
  if (!guided) return { wanted: spread(wanted), unwanted: undefined };
  const empty = negativePromptEmbeds ?? await encode(Array<string>(wanted.dims[0]!).fill(""));
  return { wanted: spread(wanted), unwanted: spread(empty) };
}

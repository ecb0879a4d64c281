import { type CallOptions, DenoiseError, type PipelineRun, Tensor } from "@denoise/core";
import { checkPrompts, type Prompt, textReader, warnOfCut } from "@denoise/diffusion";
import type { Tokens } from "@denoise/roles";
import type { AnimaComponents } from "./components.ts";

/** The prompts of a call of Anima. */
export interface AnimaPromptOptions {
  /** What the image should not show: one text, or one for each prompt. Defaults to an empty text. */
  readonly negativePrompt?: Prompt | undefined;
  /** Images made of each prompt. Defaults to 1. */
  readonly numImagesPerPrompt?: number | undefined;
  /** States of the conditioner instead of prompts, float32 [prompts, tokens, width]. */
  readonly promptEmbeds?: Tensor | undefined;
  /** The same instead of negative prompts; as many tokens as you like. */
  readonly negativePromptEmbeds?: Tensor | undefined;
  /** Tokens of a prompt in each of the two tokenizers, 1..4096; longer ones are cut. Defaults to 512. */
  readonly maxSequenceLength?: number | undefined;
}

/** The declarations of {@linkcode AnimaPromptOptions}. */
export const animaPromptOptions: CallOptions<AnimaPromptOptions> = {
  negativePrompt: { type: "string", list: "allowed" },
  numImagesPerPrompt: { type: "integer", minimum: 1 },
  promptEmbeds: { type: "tensor" },
  negativePromptEmbeds: { type: "tensor" },
  maxSequenceLength: { type: "integer", minimum: 1, maximum: 4096 },
};

/** The texts of a call, one row for each image, float32 [N, tokens, width]. */
export interface AnimaTexts {
  /** What the images show. */
  readonly wanted: Tensor;
  /** What they do not; undefined without guidance. */
  readonly unwanted: Tensor | undefined;
}

/**
 * Prompts to states (`AnimaTextEncoderStep`, `AnimaTextConditioningStep`): the states of the language model and the ids
 * of T5's tokenizer through the conditioner, with zeros behind them.
 *
 * @param guided Whether negative prompts are encoded too.
 * @throws {TypeError} for both or neither of prompt and states.
 * @throws {DenoiseError} `missing_component` without a text encoder, a tokenizer or the conditioner.
 */
export async function encodeAnimaPrompts(
  { components, warn }: Pick<PipelineRun<AnimaComponents>, "components" | "warn">,
  prompt: Prompt | undefined,
  options: AnimaPromptOptions & { readonly signal?: AbortSignal | undefined },
  guided: boolean,
): Promise<AnimaTexts> {
  checkPrompts(prompt, options, true);
  const { promptEmbeds, negativePrompt, negativePromptEmbeds, numImagesPerPrompt = 1 } = options;
  const { maxSequenceLength: maxLength = 512, signal } = options;
  const encode = async (texts: readonly string[]): Promise<Tensor> => {
    const { tokenizer, textEncoder } = textReader(components);
    const { t5Tokenizer, textConditioner } = conditioning(components);
    const different = [...new Set(texts)];
    const how = { padding: "longest", truncation: true, maxLength } as const;
    const [tokens, words] = [tokenizer, t5Tokenizer].map((one) => {
      const rows = one.encode(different, how);
      warnOfCut({ tokenizer: one, warn }, rows, maxLength);
      return rows;
    }) as [Tokens, Tokens];
    const [read, counted] = [maskOf(tokens), maskOf(words)];
    const isEmpty = tokens.inputIds.dims[1] === 0; // nothing to look at
    const states = isEmpty
      ? Tensor.zeros([different.length, 1, textConditioner.config.source_dim])
      : (await textEncoder.hiddenStates(tokens.inputIds, [-1], {
        attentionMask: read,
        signal,
      }))[0]!;
    const made = await textConditioner.forward(states, words.inputIds, {
      ...{ sourceAttentionMask: isEmpty ? undefined : read, targetAttentionMask: counted, signal },
    });
    return Tensor.cat(
      texts.map((text) => different.indexOf(text)).map((row) => made.slice(0, row, row + 1)),
      0,
    );
  };
  const spread = (states: Tensor) => states.repeatInterleave(numImagesPerPrompt, 0);
  const wanted = promptEmbeds ?? await encode([prompt!].flat());
  if (!guided) {
    if (negativePrompt !== undefined || negativePromptEmbeds !== undefined) {
      warn("The negative prompt is without effect: with guidanceScale 1 there is no guidance");
    }
    return { wanted: spread(wanted), unwanted: undefined };
  }
  const count = wanted.dims[0]!;
  const negatives = typeof negativePrompt === "object"
    ? negativePrompt
    : Array<string>(count).fill(negativePrompt ?? "");
  const unwanted = negativePromptEmbeds ?? await encode(negatives);
  if (unwanted.dims[0] !== count) {
    throw new RangeError(
      `Cannot pair ${
        unwanted.dims[0]
      } negative prompts with ${count} prompts: give one for all, or one for each`,
    );
  }
  return { wanted: spread(wanted), unwanted: spread(unwanted) };
}

/** Which tokens are no padding; undefined where all are. */
function maskOf({ attentionMask }: Tokens): Tensor | undefined {
  return Array.from(attentionMask.data, Number).includes(0) ? attentionMask : undefined;
}

/** What Anima needs beside a text encoder. */
function conditioning({ t5Tokenizer, textConditioner }: AnimaComponents) {
  if (t5Tokenizer !== null && textConditioner !== null) return { t5Tokenizer, textConditioner };
  throw new DenoiseError(
    "missing_component",
    "Cannot encode the prompt: the pipeline lacks t5_tokenizer or text_conditioner; load them, or give " +
      "promptEmbeds",
  );
}

import { type CallOptions, type PipelineRun, Tensor } from "@denoise/core";
import { checkPrompts, countPrompts, type Prompt, textReader, warnOfCut } from "@denoise/diffusion";
import type { ChromaComponents } from "./components.ts";

/** The prompts of a call of Chroma. */
export interface ChromaPromptOptions {
  /** What the image should not show: one text, or one for each prompt. Defaults to an empty text. */
  readonly negativePrompt?: Prompt | undefined;
  /** Images made of each prompt. Defaults to 1. */
  readonly numImagesPerPrompt?: number | undefined;
  /** States of T5 instead of a prompt, float32 [prompts, tokens, width]; with `promptAttentionMask`. */
  readonly promptEmbeds?: Tensor | undefined;
  /** 1 for each token that counts, else 0, float32 [prompts, tokens]; one of padding should. */
  readonly promptAttentionMask?: Tensor | undefined;
  /** States of T5 instead of a negative prompt, with `negativePromptAttentionMask`. */
  readonly negativePromptEmbeds?: Tensor | undefined;
  /** The same of the negative prompt. */
  readonly negativePromptAttentionMask?: Tensor | undefined;
  /** Tokens that T5 reads, 1..512. Defaults to 512. */
  readonly maxSequenceLength?: number | undefined;
}

/** The declarations of {@linkcode ChromaPromptOptions}. */
export const chromaPromptOptions: CallOptions<ChromaPromptOptions> = {
  negativePrompt: { type: "string", list: "allowed" },
  numImagesPerPrompt: { type: "integer", minimum: 1 },
  promptEmbeds: { type: "tensor" },
  promptAttentionMask: { type: "tensor" },
  negativePromptEmbeds: { type: "tensor" },
  negativePromptAttentionMask: { type: "tensor" },
  maxSequenceLength: { type: "integer", minimum: 1, maximum: 512 },
};

/** A text as the transformer takes it, one row for each image. */
export interface ChromaText {
  /** States of T5, float32 [N, tokens, width]. */
  readonly embeds: Tensor;
  /** 1 for each token that counts, else 0, float32 [N, tokens]. */
  readonly mask: Tensor;
}

/**
 * Prompts to states of T5, of whose padding one token counts (`encode_prompt` of ChromaPipeline).
 *
 * @param guidance Whether the negative prompt is encoded too.
 * @throws {TypeError} for states without a mask, and for both or neither of prompt and states.
 * @throws {DenoiseError} `missing_component` without a text encoder.
 */
export async function encodeChromaPrompts(
  run: Pick<PipelineRun<ChromaComponents>, "components" | "warn">,
  prompt: Prompt | undefined,
  options: ChromaPromptOptions,
  guidance: boolean,
): Promise<readonly [text: ChromaText, negative: ChromaText | undefined]> {
  checkPrompts(prompt, options, true);
  const { promptEmbeds, promptAttentionMask, numImagesPerPrompt = 1 } = options;
  const { negativePrompt = "", negativePromptEmbeds, negativePromptAttentionMask } = options;
  const count = countPrompts(prompt, options);
  const read = async (
    text: Prompt | undefined,
    embeds: Tensor | undefined,
    mask: Tensor | undefined,
  ): Promise<ChromaText> => {
    const given = givenText(embeds, mask);
    const rows = typeof text === "string" ? Array<string>(count).fill(text) : text;
    const found = given ?? await encodeTexts(run, rows!, options);
    return {
      embeds: found.embeds.repeatInterleave(numImagesPerPrompt, 0),
      mask: found.mask.repeatInterleave(numImagesPerPrompt, 0),
    };
  };
  const text = await read(prompt, promptEmbeds, promptAttentionMask);
  if (!guidance) return [text, undefined];
  return [text, await read(negativePrompt, negativePromptEmbeds, negativePromptAttentionMask)];
}

function givenText(
  embeds: Tensor | undefined,
  mask: Tensor | undefined,
): ChromaText | undefined {
  if (embeds === undefined && mask === undefined) return undefined;
  if (embeds !== undefined && mask !== undefined) return { embeds, mask: mask.astype("float32") };
  throw new TypeError(
    "Cannot use states of a text or their mask alone: give promptEmbeds with promptAttentionMask, and " +
      "negativePromptEmbeds with negativePromptAttentionMask",
  );
}

async function encodeTexts(
  { components, warn }: Pick<PipelineRun<ChromaComponents>, "components" | "warn">,
  texts: readonly string[],
  { maxSequenceLength = 512 }: ChromaPromptOptions,
): Promise<ChromaText> {
  const { tokenizer, textEncoder } = textReader(components);
  const tokens = tokenizer.encode(texts, {
    padding: "max_length",
    maxLength: maxSequenceLength,
    truncation: true,
  });
  warnOfCut({ tokenizer, warn }, tokens, maxSequenceLength);
  const { attentionMask } = tokens;
  const { lastHiddenState } = await textEncoder.forward(tokens.inputIds, { attentionMask });
  return { embeds: lastHiddenState, mask: withOneMore(attentionMask) };
}

/** A mask with one token of padding, where there is any, float32. */
function withOneMore(mask: Tensor): Tensor {
  const [rows, width] = mask.dims as readonly [number, number];
  const values = Array.from(mask.data, Number);
  const counts = Array.from(
    { length: rows },
    (_, row) => values.slice(row * width, (row + 1) * width).reduce((sum, x) => sum + x, 0),
  );
  return Tensor.from(
    Float32Array.from(values, (_, i) => i % width <= counts[Math.floor(i / width)]! ? 1 : 0),
    [rows, width],
  );
}

import { type CrossAttentionKwargs, crossAttentionKwargs } from "@denoise/adapters";
import { type CallOptions, type RunOptions, Tensor } from "@denoise/core";
import {
  countPrompts,
  type PooledPromptOptions,
  pooledPromptOptions,
  type Prompt,
  type PromptOptions,
  promptOptions,
  repeatText,
  textReader,
  warnOfCut,
} from "@denoise/diffusion";
import { type XlEncoding, type XlText, zerosLike } from "@denoise/stable-diffusion";
import type { KolorsEncoders } from "./components.ts";

/** Tokens of a text, where the call does not say it; the most that diffusers lets a call say. */
const LENGTH = 256;

/** The prompts of a call of Kolors. */
export interface KolorsPromptOptions
  extends Omit<PromptOptions, "clipSkip">, PooledPromptOptions, CrossAttentionKwargs {
  /**
   * Tokens that the text encoder reads, 2..256. Defaults to 256. Calls of diffusers 0.42.1 check it and read 256 tokens
   * all the same.
   */
  readonly maxSequenceLength?: number | undefined;
}

const { clipSkip: _, ...textOptions } = promptOptions;

/** The declarations of {@linkcode KolorsPromptOptions}. */
export const kolorsPromptOptions: CallOptions<KolorsPromptOptions> = {
  ...crossAttentionKwargs,
  ...textOptions,
  ...pooledPromptOptions,
  maxSequenceLength: { type: "integer", minimum: 2, maximum: LENGTH },
};

/**
 * Prompts to text states, one row for each image (`encode_prompt` of KolorsPipeline): what goes into the language model's last
 * layer, padding included, and what that makes of the last token as pooled text.
 *
 * @returns The negative text and the text; the first is undefined without guidance.
 */
export async function encodeKolorsPrompts(
  encoders: KolorsEncoders,
  prompt: Prompt | undefined,
  options: KolorsPromptOptions & Pick<RunOptions, "signal">,
  { guidance, zeros, warn }: XlEncoding,
): Promise<readonly [negative: XlText | undefined, positive: XlText]> {
  const { numImagesPerPrompt = 1, maxSequenceLength = LENGTH, signal } = options;
  const { promptEmbeds, negativePrompt, negativePromptEmbeds } = options;
  const count = countPrompts(prompt, options);
  const read = (text: Prompt, maxLength: number) => {
    const texts = typeof text === "string" ? Array<string>(count).fill(text) : text;
    return readTexts(encoders, texts, { maxLength, warn, signal });
  };
  const spread = (text: XlText) => repeatText(text, numImagesPerPrompt);
  const positive = promptEmbeds === undefined
    ? await read(prompt!, maxSequenceLength)
    : { embeds: promptEmbeds, pooled: options.pooledPromptEmbeds! };
  if (!guidance) return [undefined, spread(positive)];
  const isEmpty = negativePrompt === undefined && negativePromptEmbeds === undefined;
  const negative = negativePromptEmbeds !== undefined
    ? { embeds: negativePromptEmbeds, pooled: options.negativePooledPromptEmbeds! }
    : isEmpty && zeros
    ? zerosLike(positive)
    : await read(negativePrompt ?? "", positive.embeds.dims[1]!);
  return [spread(negative), spread(positive)];
}

/** How texts are read. */
interface ReadOptions extends Pick<RunOptions, "signal"> {
  readonly maxLength: number;
  readonly warn: (message: string) => void;
}

async function readTexts(
  encoders: KolorsEncoders,
  texts: readonly string[],
  { maxLength, warn, signal }: ReadOptions,
): Promise<XlText> {
  const instead = "promptEmbeds and pooledPromptEmbeds";
  const { textEncoder, tokenizer } = textReader(encoders, { instead });
  const tokens = tokenizer.encode(texts, { padding: "max_length", maxLength, truncation: true });
  warnOfCut({ tokenizer, warn }, tokens, maxLength);
  const { inputIds, attentionMask } = tokens;
  const [embeds, last] = await textEncoder.hiddenStates(inputIds, [-2, -1], {
    attentionMask,
    positionIds: placesOf(attentionMask),
    finalNorm: false,
    signal,
  });
  return { embeds: embeds!, pooled: last!.select(1, maxLength - 1) };
}

/** Where the tokens of each text are, from 0 on; what fills a row up is at 0, too. */
function placesOf(mask: Tensor): Tensor {
  const tokens = mask.dims[1]!;
  let place = 0n;
  const places = BigInt64Array.from(mask.data as BigInt64Array, (counts, i) => {
    if (i % tokens === 0) place = 0n;
    return counts === 1n ? place++ : 0n;
  });
  return new Tensor("int64", places, mask.dims);
}

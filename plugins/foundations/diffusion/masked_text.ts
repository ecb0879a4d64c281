import { type CallOptions, Tensor } from "@denoise/core";
import type { TokenEncoder, TokenizeOptions, Tokenizer } from "@denoise/roles";
import {
  checkPrompts,
  countPrompts,
  type Prompt,
  type PromptOptions,
  warnOfCut,
} from "./prompt.ts";
import { textReader } from "./text_states.ts";

/** A text as a denoiser takes it that is given a mask beside the states, one row for each image. */
export interface MaskedText {
  /** float32 [N, tokens, width]. */
  readonly embeds: Tensor;
  /** int64 [N, tokens], 1 where a token counts. */
  readonly mask: Tensor;
}

/** The prompts of a call, for one text encoder whose padding is masked. */
export interface MaskedPromptOptions extends Omit<PromptOptions, "clipSkip"> {
  /** Which tokens of `promptEmbeds` count, int64 [prompts, tokens]. */
  readonly promptAttentionMask?: Tensor | undefined;
  /** Which tokens of `negativePromptEmbeds` count, same shape. */
  readonly negativePromptAttentionMask?: Tensor | undefined;
  /** Tokens that the text encoder reads. */
  readonly maxSequenceLength?: number | undefined;
}

/** The declarations of {@linkcode MaskedPromptOptions}. */
export const maskedPromptOptions: CallOptions<MaskedPromptOptions> = {
  negativePrompt: { type: "string", list: "allowed" },
  numImagesPerPrompt: { type: "integer", minimum: 1 },
  promptEmbeds: { type: "tensor" },
  promptAttentionMask: { type: "tensor" },
  negativePromptEmbeds: { type: "tensor" },
  negativePromptAttentionMask: { type: "tensor" },
  maxSequenceLength: { type: "integer", minimum: 1 },
};

/** A text encoder with its tokenizer. */
export interface TextParts<E = TokenEncoder> {
  /** Null where the pipeline has none. */
  readonly textEncoder: E | null;
  /** Null where the pipeline has none. */
  readonly tokenizer: Tokenizer | null;
}

/** How texts are read. */
export interface MaskedTextSettings {
  /** States and masks of texts; of negative ones, which are as long as the text, that text is given too. */
  encode(texts: readonly string[], like?: MaskedText): Promise<MaskedText>;
  /**
   * Whether the masks of several images a prompt stand in the order of the prompts, over and over, though states
   * do not, as in some classes of diffusers.
   */
  readonly tiledMasks?: boolean | undefined;
}

/** How texts become tokens. */
export interface MaskedTokenOptions extends Pick<TokenizeOptions, "paddingSide"> {
  /** Tokens of a row. */
  readonly maxLength: number;
  /** Receives the warning of a text that was cut; none by default. */
  readonly warn?: ((message: string) => void) | undefined;
}

/** States and masks of texts that are filled up to a length. */
export async function encodeMaskedTexts(
  parts: TextParts,
  texts: readonly string[],
  { maxLength, warn, paddingSide }: MaskedTokenOptions,
): Promise<MaskedText> {
  const { textEncoder, tokenizer } = textParts(parts);
  const tokens = tokenizer.encode(texts, {
    ...{ padding: "max_length", maxLength, truncation: true, paddingSide },
  });
  if (warn !== undefined) warnOfCut({ tokenizer, warn }, tokens, maxLength);
  const { attentionMask: mask } = tokens;
  const { lastHiddenState } = await textEncoder.forward(tokens.inputIds, { attentionMask: mask });
  return { embeds: lastHiddenState, mask };
}

/**
 * The text encoder and tokenizer of a pipeline.
 *
 * @throws {DenoiseError} `missing_component` without one of them.
 */
export function textParts<E>(
  parts: TextParts<E>,
): { readonly textEncoder: E; readonly tokenizer: Tokenizer } {
  return textReader(parts, { instead: "promptEmbeds and promptAttentionMask" });
}

const PAIRS = [
  ["promptEmbeds", "promptAttentionMask"],
  ["negativePromptEmbeds", "negativePromptAttentionMask"],
] as const;

/**
 * Checks prompts, and that states of one's own come with their masks.
 *
 * @throws {TypeError} for states without their mask.
 */
function checkMaskedPrompts(prompt: Prompt | undefined, options: MaskedPromptOptions): void {
  checkPrompts(prompt, options);
  for (const [embeds, mask] of PAIRS) {
    if (options[embeds] === undefined || options[mask] !== undefined) continue;
    throw new TypeError(`Cannot use ${embeds} alone: give ${mask} of the same text with it`);
  }
}

/**
 * Prompts to states and masks (`encode_prompt` of PixArtAlphaPipeline and its kin).
 *
 * @returns The text, and with guidance the negative text.
 */
export async function encodeMaskedPrompts(
  prompt: Prompt | undefined,
  options: MaskedPromptOptions,
  guidance: boolean,
  { encode, tiledMasks = false }: MaskedTextSettings,
): Promise<readonly [text: MaskedText, negative: MaskedText | undefined]> {
  checkMaskedPrompts(prompt, options);
  const { numImagesPerPrompt = 1, negativePrompt = "" } = options;
  const { promptEmbeds, promptAttentionMask, negativePromptEmbeds } = options;
  const count = countPrompts(prompt, options);
  const rows = (text: Prompt) => typeof text === "string" ? Array<string>(count).fill(text) : text;
  const repeat = ({ embeds, mask }: MaskedText): MaskedText => ({
    embeds: embeds.repeatInterleave(numImagesPerPrompt, 0),
    mask: tiledMasks
      ? mask.repeat([numImagesPerPrompt, 1])
      : mask.repeatInterleave(numImagesPerPrompt, 0),
  });
  const text = promptEmbeds === undefined
    ? await encode(rows(prompt!))
    : { embeds: promptEmbeds, mask: promptAttentionMask! };
  if (!guidance) return [repeat(text), undefined];
  const negative = negativePromptEmbeds === undefined
    ? await encode(rows(negativePrompt), text)
    : { embeds: negativePromptEmbeds, mask: options.negativePromptAttentionMask! };
  return [repeat(text), repeat(negative)];
}

/** Negative and positive text, as one batch for a model that is called once for both. */
export function bothTexts(text: MaskedText, negative: MaskedText | undefined): MaskedText {
  if (negative === undefined) return text;
  return {
    embeds: Tensor.cat([negative.embeds, text.embeds]),
    mask: Tensor.cat([negative.mask, text.mask]),
  };
}

import {
  type CallOptions,
  type ComponentSpec,
  type ImageOutput,
  type Model,
  type PipelineRun,
  type PipelineStep,
  Tensor,
} from "@denoise/core";
import { checkPrompts, type PriorText, type Prompt, warnOfCut } from "@denoise/diffusion";
import type { Tokenizer } from "@denoise/roles";
import {
  type BeginDecoding,
  decodeEmbeds,
  type DecoderStart,
  kandinskyDecoder,
  type KandinskyDecoderComponents,
  type KandinskyDecoderOptions,
  kandinskyDecoderOptions,
} from "./decoder.ts";
import { beginWithMask, type KandinskyMaskOptions, kandinskyMaskOptions } from "./mask_start.ts";

/** The role of a text encoder that gives a vector for a text, and the states of its tokens. */
export interface KandinskyTextEncoder extends Model {
  /** Tokens, int64 [N, tokens], to vectors, float32 [N, width], and states, float32 [N, tokens, width]. */
  forward(
    inputIds: Tensor,
    options: { readonly attentionMask: Tensor },
  ): Promise<{ readonly textEmbeds: Tensor; readonly lastHiddenState: Tensor }>;
}

/** What the decoder of Kandinsky 2.1 consists of, which is given the text too. */
export interface KandinskyTextComponents extends KandinskyDecoderComponents {
  /** MultilingualCLIP. */
  readonly textEncoder: KandinskyTextEncoder;
  /** XLMRobertaTokenizer. */
  readonly tokenizer: Tokenizer;
}

/** The components that the definitions of these pipelines share. */
export const kandinskyTextDecoder: {
  readonly [K in keyof KandinskyTextComponents]: ComponentSpec;
} = {
  ...kandinskyDecoder,
  textEncoder: { kind: "model" },
  tokenizer: { kind: "tokenizer" },
};

/** What a call of the decoder of Kandinsky 2.1 may be given of texts beside its prompts. */
export interface KandinskyNegativeText {
  /** What is not wanted, in one text for all prompts or one for each. Defaults to no text. */
  readonly negativePrompt?: string | readonly string[] | undefined;
}

/** Options of a call of the decoder of Kandinsky 2.1. */
export interface KandinskyTextOptions extends KandinskyDecoderOptions, KandinskyNegativeText {}

/** Options of a call of the decoder of Kandinsky 2.1 that inpaints. */
export interface KandinskyTextMaskOptions extends KandinskyMaskOptions, KandinskyNegativeText {
  /** The image to inpaint, or one for each prompt. */
  readonly image: KandinskyMaskOptions["image"];
}

/** The declarations of {@linkcode KandinskyNegativeText}. */
export const kandinskyNegativeText: CallOptions<KandinskyNegativeText> = {
  negativePrompt: { type: "string", list: "allowed" },
};

/** The declarations of {@linkcode KandinskyTextOptions}. */
export const kandinskyTextOptions: CallOptions<KandinskyTextOptions> = {
  ...kandinskyDecoderOptions,
  ...kandinskyNegativeText,
};

/** The declarations of {@linkcode KandinskyTextMaskOptions}. */
export const kandinskyTextMaskOptions: CallOptions<KandinskyTextMaskOptions> = {
  ...kandinskyMaskOptions,
  ...kandinskyNegativeText,
};

/** Tokens that a text is cut and filled up to, whatever the tokenizer's files say. */
const TOKENS = 77;

/**
 * A call of the decoder of Kandinsky 2.1: a prompt for each vector.
 *
 * @param begin What the latents are at first.
 * @throws {RangeError} for another number of prompts than of vectors.
 */
export async function* decodePrompts<O extends KandinskyTextOptions>(
  run: PipelineRun<KandinskyTextComponents>,
  prompt: Prompt | undefined,
  options: O,
  begin: BeginDecoding<O>,
): AsyncGenerator<PipelineStep, ImageOutput> {
  const { guidanceScale = 4, negativePrompt = "" } = options;
  checkPrompts(prompt, options);
  const prompts = [prompt ?? []].flat();
  const vectors = [options.imageEmbeds].flat().reduce((sum, { dims }) => sum + (dims[0] ?? 0), 0);
  if (prompts.length !== vectors) {
    throw new RangeError(
      `Cannot decode ${vectors} imageEmbeds for ${prompts.length} prompts: give one row for each prompt`,
    );
  }
  const wanted = await encodeTexts(run, prompts, true);
  if (guidanceScale <= 1) return yield* decodeEmbeds(run, options, begin, { text: wanted });
  const negative = typeof negativePrompt === "string"
    ? prompts.map(() => negativePrompt)
    : negativePrompt;
  const away = await encodeTexts(run, negative, false);
  const text = {
    pooled: Tensor.cat([away.pooled, wanted.pooled]),
    states: Tensor.cat([away.states, wanted.states]),
  };
  return yield* decodeEmbeds(run, options, begin, { text });
}

/** The vectors of texts, and the states of their tokens, those that fill rows up among them. */
async function encodeTexts(
  { components: { tokenizer, textEncoder }, warn }: PipelineRun<KandinskyTextComponents>,
  texts: readonly string[],
  warns: boolean,
): Promise<Pick<PriorText, "pooled" | "states">> {
  const tokens = tokenizer.encode(texts, {
    padding: "max_length",
    maxLength: TOKENS,
    truncation: true,
  });
  if (warns) warnOfCut({ tokenizer, warn }, tokens, TOKENS, "the length of texts");
  const { attentionMask } = tokens;
  const { textEmbeds, lastHiddenState } = await textEncoder.forward(tokens.inputIds, {
    attentionMask,
  });
  return { pooled: textEmbeds, states: lastHiddenState };
}

/** From noise, beside an image of which a mask lets a part change; nothing of it is put back. */
export const beginBesideMask: BeginDecoding<KandinskyTextMaskOptions> = async (
  ...call
): Promise<DecoderStart> => {
  const { keep: _, ...begun } = await beginWithMask(...call);
  return begun;
};

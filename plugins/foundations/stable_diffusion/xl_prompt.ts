import { type CrossAttentionKwargs, crossAttentionKwargs } from "@denoise/adapters";
import { type CallOptions, DenoiseError, Tensor } from "@denoise/core";
import type { TextEncoder, TextEncoderOutput, Tokenizer } from "@denoise/roles";
import {
  countPrompts,
  type PooledPromptOptions,
  pooledPromptOptions,
  type PooledText,
  type PromptOptions,
  promptOptions,
  repeatText,
  warnOfCut,
} from "@denoise/diffusion";
import {
  encodeInSyntax,
  type PromptSyntax,
  type PromptSyntaxOptions,
  promptSyntaxOptions,
} from "@denoise/prompt-syntax";
import { encodeSides, rowsOf } from "./encode_text.ts";
import type { StableDiffusionXLComponents } from "./xl_components.ts";

/** The prompts of a call of Stable Diffusion XL. */
export interface XlPromptOptions
  extends PromptOptions, PooledPromptOptions, PromptSyntaxOptions, CrossAttentionKwargs {
  /** What the second text encoder reads. Defaults to the prompt. */
  readonly prompt2?: string | readonly string[] | undefined;
  /** What the second text encoder reads as negative. Defaults to the negative prompt. */
  readonly negativePrompt2?: string | readonly string[] | undefined;
}

/** The declarations of {@linkcode XlPromptOptions}. */
export const xlPromptOptions: CallOptions<XlPromptOptions> = {
  ...crossAttentionKwargs,
  ...promptOptions,
  ...pooledPromptOptions,
  ...promptSyntaxOptions,
  prompt2: { type: "string", list: "allowed" },
  negativePrompt2: { type: "string", list: "allowed" },
};

/** The states of both encoders side by side, and the pooled state of the second. */
export type XlText = PooledText;

/** How the prompts of a call are encoded. */
export interface XlEncoding {
  /** Whether the negative prompt is encoded too. */
  readonly guidance: boolean;
  /** Whether zeros stand for a negative prompt that is not given. */
  readonly zeros: boolean;
  /** Receives the warning of a prompt that was cut. */
  readonly warn: (message: string) => void;
}

/** What turns the prompts of Stable Diffusion XL into text states. */
export type XlEncoders = Pick<
  StableDiffusionXLComponents,
  "textEncoder" | "textEncoder2" | "tokenizer" | "tokenizer2"
>;

interface Encoder {
  readonly tokenizer: Tokenizer;
  readonly textEncoder: TextEncoder;
}

function encodersOf(parts: XlEncoders): Encoder[] {
  const pairs = [[parts.tokenizer, parts.textEncoder], [parts.tokenizer2, parts.textEncoder2]];
  const encoders = pairs
    .filter(([tokenizer, textEncoder]) => tokenizer !== null && textEncoder !== null)
    .map(([tokenizer, textEncoder]) => ({ tokenizer, textEncoder }) as Encoder);
  if (encoders.length > 0) return encoders;
  throw new DenoiseError(
    "missing_component",
    "Cannot encode the prompt: the pipeline has no text encoder; give promptEmbeds and " +
      "pooledPromptEmbeds, or load text_encoder_2 and tokenizer_2",
  );
}

/**
 * Checks the prompts of a call.
 *
 * @throws {TypeError} for text states without pooled ones.
 */
export function checkXlPrompts(options: XlPromptOptions): void {
  const pairs = [["promptEmbeds", "pooledPromptEmbeds"], [
    "negativePromptEmbeds",
    "negativePooledPromptEmbeds",
  ]] as const;
  for (const [embeds, pooled] of pairs) {
    if (options[embeds] === undefined || options[pooled] !== undefined) continue;
    throw new TypeError(`Cannot use ${embeds} alone: give ${pooled} of the same text with it`);
  }
}

/** The texts through both encoders, their states side by side; pooled by the one with projection. */
async function encodeTexts(
  encoders: readonly Encoder[],
  texts: readonly (readonly string[])[],
  { maxLength, clipSkip = 0, warn }: {
    readonly maxLength?: number | undefined;
    readonly clipSkip?: number | undefined;
    readonly warn?: ((message: string) => void) | undefined;
  },
): Promise<XlText> {
  const outputs = await Promise.all(encoders.map(async ({ tokenizer, textEncoder }, i) => {
    const tokens = tokenizer.encode(texts[i]!, {
      padding: "max_length",
      maxLength: maxLength ?? tokenizer.modelMaxLength,
      truncation: true,
    });
    if (warn !== undefined) warnOfCut({ tokenizer, warn }, tokens);
    return await textEncoder.forward(tokens.inputIds, { outputHiddenStates: true });
  }));
  const states = outputs.map((output) => stateOf(output, clipSkip));
  const pooled = outputs.find(({ textEmbeds }) => textEmbeds !== undefined)?.textEmbeds;
  return withPooled(Tensor.cat(states, 2), pooled);
}

/** The state before the last layer, or so many layers before that. */
function stateOf({ hiddenStates }: TextEncoderOutput, clipSkip: number): Tensor {
  const state = hiddenStates!.at(-2 - clipSkip);
  if (state !== undefined) return state;
  throw new RangeError(
    `Cannot skip ${clipSkip} layers of a text encoder of ${hiddenStates!.length - 1}: clipSkip ` +
      `may be up to ${hiddenStates!.length - 2}`,
  );
}

function withPooled(embeds: Tensor, pooled: Tensor | undefined): XlText {
  if (pooled !== undefined) return { embeds, pooled };
  throw new DenoiseError(
    "missing_component",
    "Cannot encode the prompt: no text encoder gives pooled text; text_encoder_2 must be a " +
      "CLIPTextModelWithProjection",
  );
}

/** The same for texts that weigh their words, of so many tokens at least. */
async function encodeWeighed(
  syntax: PromptSyntax,
  encoders: readonly Encoder[],
  texts: readonly (readonly string[])[],
  tokens: number,
  clipSkip = 0,
): Promise<XlText> {
  const all = encoders.map(({ tokenizer, textEncoder }) => ({
    tokenizer,
    states: async (ids: Tensor, attentionMask?: Tensor) => {
      const output = await textEncoder.forward(ids, { outputHiddenStates: true, attentionMask });
      return { embeds: stateOf(output, clipSkip), pooled: output.textEmbeds };
    },
  }));
  const { embeds, pooled } = await encodeInSyntax(syntax, all, texts, tokens);
  return withPooled(embeds, pooled);
}

/**
 * Prompts to text states, one row for each image (`encode_prompt` of Stable Diffusion XL): the
 * states before each encoder's last layer side by side, and the pooled state of the second.
 *
 * @returns The negative text and the text; the first is undefined without guidance.
 */
export async function encodeXlPrompts(
  parts: XlEncoders,
  prompt: string | readonly string[] | undefined,
  options: XlPromptOptions,
  { guidance, zeros, warn }: XlEncoding,
): Promise<readonly [negative: XlText | undefined, positive: XlText]> {
  const { numImagesPerPrompt = 1, clipSkip } = options;
  const count = countPrompts(prompt, options);
  const rows = (text: string | readonly string[]) => rowsOf(text, count);
  const spread = (text: XlText) => repeatText(text, numImagesPerPrompt);
  const { promptSyntax } = options;
  if (promptSyntax !== undefined) {
    const [positive, negative] = await encodeSides(
      (texts, tokens) =>
        encodeWeighed(promptSyntax, encodersOf(parts), texts, tokens, options.clipSkip),
      {
        texts: [rows(prompt ?? ""), rows(options.prompt2 || (prompt ?? ""))],
        given: given(options.promptEmbeds, options.pooledPromptEmbeds),
      },
      guidance && !(zeros && isEmptyNegative(options)) ? negativeSide(options, rows) : undefined,
    );
    return [guidance ? spread(negative ?? zerosLike(positive)) : undefined, spread(positive)];
  }

  let positive: XlText;
  if (options.promptEmbeds === undefined) {
    const encoders = encodersOf(parts);
    const texts = [rows(prompt!), rows(options.prompt2 || prompt!)];
    positive = await encodeTexts(encoders, texts, { clipSkip, warn });
  } else {
    positive = { embeds: options.promptEmbeds, pooled: options.pooledPromptEmbeds! };
  }
  if (!guidance) return [undefined, spread(positive)];

  const { negativePrompt, negativePrompt2, negativePromptEmbeds } = options;
  let negative: XlText;
  if (negativePromptEmbeds !== undefined) {
    negative = { embeds: negativePromptEmbeds, pooled: options.negativePooledPromptEmbeds! };
  } else if (negativePrompt === undefined && zeros) {
    negative = zerosLike(positive);
  } else {
    const text = negativePrompt ?? "";
    negative = await encodeTexts(
      encodersOf(parts),
      [rows(text), rows(negativePrompt2 || text)],
      { maxLength: positive.embeds.dims[1] },
    );
  }
  return [spread(negative), spread(positive)];
}

/** Zeros of the same shapes, which stand for a negative prompt that is not given. */
export function zerosLike({ embeds, pooled }: XlText): XlText {
  return { embeds: Tensor.zeros(embeds.dims), pooled: Tensor.zeros(pooled.dims) };
}

function given(embeds: Tensor | undefined, pooled: Tensor | undefined): XlText | undefined {
  return embeds === undefined ? undefined : { embeds, pooled: pooled! };
}

/** What the call does not want, for both encoders. */
function negativeSide(
  options: XlPromptOptions,
  rows: (text: string | readonly string[]) => readonly string[],
) {
  const text = options.negativePrompt ?? "";
  return {
    texts: [rows(text), rows(options.negativePrompt2 || text)],
    given: given(options.negativePromptEmbeds, options.negativePooledPromptEmbeds),
  };
}

function isEmptyNegative({ negativePrompt, negativePromptEmbeds }: XlPromptOptions): boolean {
  return negativePrompt === undefined && negativePromptEmbeds === undefined;
}

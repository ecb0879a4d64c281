import { type CallOptions, DenoiseError, type PipelineRun, type Tensor } from "@denoise/core";
import { checkPrompts, countPrompts, type Prompt, warnOfCut } from "@denoise/diffusion";
import type { FluxComponents } from "./components.ts";

/** The prompts of a call of FLUX.1. */
export interface FluxTextOptions {
  /** What T5 reads. Defaults to the prompt, which CLIP reads. */
  readonly prompt2?: Prompt | undefined;
  /** Images made of each prompt. Defaults to 1. */
  readonly numImagesPerPrompt?: number | undefined;
  /** States of T5 instead of a prompt, float32 [prompts, tokens, width]; with `pooledPromptEmbeds`. */
  readonly promptEmbeds?: Tensor | undefined;
  /** Pooled text of CLIP, float32 [prompts, width]. */
  readonly pooledPromptEmbeds?: Tensor | undefined;
  /** Tokens that T5 reads, 1..512. Defaults to 512; 256 is what FLUX.1 schnell was trained with. */
  readonly maxSequenceLength?: number | undefined;
}

/** The declarations of {@linkcode FluxTextOptions}. */
export const fluxTextOptions: CallOptions<FluxTextOptions> = {
  prompt2: { type: "string", list: "allowed" },
  numImagesPerPrompt: { type: "integer", minimum: 1 },
  promptEmbeds: { type: "tensor" },
  pooledPromptEmbeds: { type: "tensor" },
  maxSequenceLength: { type: "integer", minimum: 1, maximum: 512 },
};

/** The prompts of a call that may be guided by a second call of the model. */
export interface FluxPromptOptions extends FluxTextOptions {
  /** What the image should not show, with a `trueCfgScale` above 1: one text, or one for each prompt. */
  readonly negativePrompt?: Prompt | undefined;
  /** What T5 reads as negative. Defaults to the negative prompt. */
  readonly negativePrompt2?: Prompt | undefined;
  /** States of T5 instead of a negative prompt, same shape; with `negativePooledPromptEmbeds`. */
  readonly negativePromptEmbeds?: Tensor | undefined;
  /** Pooled text of CLIP of a negative prompt, same shape. */
  readonly negativePooledPromptEmbeds?: Tensor | undefined;
}

/** The declarations of {@linkcode FluxPromptOptions}. */
export const fluxPromptOptions: CallOptions<FluxPromptOptions> = {
  ...fluxTextOptions,
  negativePrompt: { type: "string", list: "allowed" },
  negativePrompt2: { type: "string", list: "allowed" },
  negativePromptEmbeds: { type: "tensor" },
  negativePooledPromptEmbeds: { type: "tensor" },
};

/** A text as the transformer takes it, one row for each image. */
export interface FluxText {
  /** States of T5, float32 [N, tokens, width]. */
  readonly embeds: Tensor;
  /** Pooled state of CLIP, float32 [N, width]. */
  readonly pooled: Tensor;
}

/** What turns the prompts of FLUX.1 into states. */
export type FluxEncoders = Pick<
  PipelineRun<
    Pick<FluxComponents, "textEncoder" | "tokenizer" | "textEncoder2" | "tokenizer2">
  >,
  "components" | "warn"
>;

/**
 * Prompts to states (`encode_prompt` of FluxPipeline): the pooled state of CLIP and the states of T5,
 * padding included.
 *
 * @returns The text, and the negative text where there is one.
 * @throws {TypeError} for states without pooled ones, and for both or neither of prompt and states.
 * @throws {DenoiseError} `missing_component` without a text encoder.
 */
export async function encodeFluxPrompts(
  run: FluxEncoders,
  prompt: Prompt | undefined,
  options: FluxPromptOptions,
): Promise<readonly [text: FluxText, negative: FluxText | undefined]> {
  checkPrompts(prompt, options);
  const { promptEmbeds, pooledPromptEmbeds, numImagesPerPrompt = 1 } = options;
  const { negativePrompt, negativePromptEmbeds, negativePooledPromptEmbeds } = options;
  checkPair("promptEmbeds", promptEmbeds, "pooledPromptEmbeds", pooledPromptEmbeds);
  checkPair(
    "negativePromptEmbeds",
    negativePromptEmbeds,
    "negativePooledPromptEmbeds",
    negativePooledPromptEmbeds,
  );
  const count = countPrompts(prompt, options);
  const rows = (text: Prompt) => typeof text === "string" ? Array<string>(count).fill(text) : text;
  const spread = ({ embeds, pooled }: FluxText): FluxText => ({
    embeds: embeds.repeatInterleave(numImagesPerPrompt, 0),
    pooled: pooled.repeatInterleave(numImagesPerPrompt, 0),
  });
  const text = promptEmbeds === undefined
    ? await encodeText(run, rows(prompt!), rows(options.prompt2 || prompt!), options)
    : { embeds: promptEmbeds, pooled: pooledPromptEmbeds! };
  if (negativePromptEmbeds !== undefined) {
    const negative = { embeds: negativePromptEmbeds, pooled: negativePooledPromptEmbeds! };
    return [spread(text), spread(negative)];
  }
  if (negativePrompt === undefined) return [spread(text), undefined];
  const second = options.negativePrompt2 || negativePrompt;
  const negative = await encodeText(run, rows(negativePrompt), rows(second), options);
  return [spread(text), spread(negative)];
}

function checkPair(name: string, embeds?: Tensor, pooledName?: string, pooled?: Tensor): void {
  if ((embeds === undefined) === (pooled === undefined)) return;
  const [given, missing] = embeds === undefined ? [pooledName, name] : [name, pooledName];
  throw new TypeError(`Cannot use ${given} alone: give ${missing} of the same text with it`);
}

async function encodeText(
  { components: { textEncoder, tokenizer, textEncoder2, tokenizer2 }, warn }: FluxEncoders,
  texts: readonly string[],
  texts2: readonly string[],
  { maxSequenceLength = 512 }: FluxPromptOptions,
): Promise<FluxText> {
  if (textEncoder === null || tokenizer === null || textEncoder2 === null || tokenizer2 === null) {
    throw new DenoiseError(
      "missing_component",
      "Cannot encode the prompt: the pipeline lacks one of text_encoder, tokenizer, " +
        "text_encoder_2 and tokenizer_2; load them, or give promptEmbeds and pooledPromptEmbeds",
    );
  }
  const clip = tokenizer.encode(texts, {
    padding: "max_length",
    maxLength: tokenizer.modelMaxLength,
    truncation: true,
  });
  warnOfCut({ tokenizer, warn }, clip);
  const { poolerOutput } = await textEncoder.forward(clip.inputIds);
  const t5 = tokenizer2.encode(texts2, {
    padding: "max_length",
    maxLength: maxSequenceLength,
    truncation: true,
  });
  warnOfCut({ tokenizer: tokenizer2, warn }, t5, maxSequenceLength);
  const { lastHiddenState } = await textEncoder2.forward(t5.inputIds);
  return { embeds: lastHiddenState, pooled: poolerOutput };
}

import { type CallOptions, DenoiseError, type PipelineRun, Tensor } from "@denoise/core";
import {
  checkPooledPrompts,
  checkPrompts,
  countPrompts,
  type PooledPromptOptions,
  pooledPromptOptions,
  type PooledText,
  type Prompt,
  type PromptOptions,
  promptOptions,
  repeatText,
  warnOfCut,
} from "@denoise/diffusion";
import type { Sd3Components } from "./components.ts";

/** The prompts of a call of Stable Diffusion 3. */
export interface Sd3PromptOptions extends PromptOptions, PooledPromptOptions {
  /** What the second CLIP reads. Defaults to the prompt. */
  readonly prompt2?: Prompt | undefined;
  /** What T5 reads. Defaults to the prompt. */
  readonly prompt3?: Prompt | undefined;
  /** What the second CLIP reads as negative. Defaults to the negative prompt. */
  readonly negativePrompt2?: Prompt | undefined;
  /** What T5 reads as negative. Defaults to the negative prompt. */
  readonly negativePrompt3?: Prompt | undefined;
  /** Tokens that T5 reads, 1..512. Defaults to 256. */
  readonly maxSequenceLength?: number | undefined;
}

/** The declarations of {@linkcode Sd3PromptOptions}. */
export const sd3PromptOptions: CallOptions<Sd3PromptOptions> = {
  ...promptOptions,
  ...pooledPromptOptions,
  prompt2: { type: "string", list: "allowed" },
  prompt3: { type: "string", list: "allowed" },
  negativePrompt2: { type: "string", list: "allowed" },
  negativePrompt3: { type: "string", list: "allowed" },
  maxSequenceLength: { type: "integer", minimum: 1, maximum: 512 },
};

/** What turns the prompts of Stable Diffusion 3 into states. */
export type Sd3Encoders = Pick<PipelineRun<Sd3Components>, "components" | "warn">;

/**
 * Prompts to states (`encode_prompt` of StableDiffusion3Pipeline): those of both CLIPs side by side,
 * filled up with zeros to the width of T5, then those of T5; and what both pool.
 *
 * @returns The text, and with guidance the negative text.
 * @throws {TypeError} for states without pooled ones, and for both or neither of prompt and states.
 * @throws {DenoiseError} `missing_component` without a text encoder that is needed.
 */
export async function encodeSd3Prompts(
  run: Sd3Encoders,
  prompt: Prompt | undefined,
  options: Sd3PromptOptions,
  guidance: boolean,
): Promise<readonly [text: PooledText, negative: PooledText | undefined]> {
  checkPrompts(prompt, options);
  checkPooledPrompts(options);
  const { numImagesPerPrompt = 1, clipSkip = 0, maxSequenceLength = 256 } = options;
  const count = countPrompts(prompt, options);
  const rows = (text: Prompt) => typeof text === "string" ? Array<string>(count).fill(text) : text;
  const encode = (texts: readonly Prompt[], skip: number) =>
    encodeTexts(run, texts.map(rows), { clipSkip: skip, maxSequenceLength });
  const { promptEmbeds, pooledPromptEmbeds } = options;
  const text = promptEmbeds === undefined
    ? await encode([prompt!, options.prompt2 || prompt!, options.prompt3 || prompt!], clipSkip)
    : { embeds: promptEmbeds, pooled: pooledPromptEmbeds! };
  if (!guidance) return [repeatText(text, numImagesPerPrompt), undefined];
  const { negativePromptEmbeds, negativePooledPromptEmbeds, negativePrompt = "" } = options;
  const negative = negativePromptEmbeds === undefined
    ? await encode([
      negativePrompt,
      options.negativePrompt2 || negativePrompt,
      options.negativePrompt3 || negativePrompt,
    ], 0)
    : { embeds: negativePromptEmbeds, pooled: negativePooledPromptEmbeds! };
  return [repeatText(text, numImagesPerPrompt), repeatText(negative, numImagesPerPrompt)];
}

interface EncodeSettings {
  /** Layers of CLIP that are left out before the last but one state. */
  readonly clipSkip: number;
  /** Tokens of T5. */
  readonly maxSequenceLength: number;
}

async function encodeTexts(
  { components, warn }: Sd3Encoders,
  [first, second, third]: readonly (readonly string[])[],
  { clipSkip, maxSequenceLength }: EncodeSettings,
): Promise<PooledText> {
  const { textEncoder, tokenizer, textEncoder2, tokenizer2 } = components;
  const { textEncoder3, tokenizer3, transformer } = components;
  if (textEncoder === null || tokenizer === null || textEncoder2 === null || tokenizer2 === null) {
    throw new DenoiseError(
      "missing_component",
      "Cannot encode the prompt: the pipeline lacks one of text_encoder, tokenizer, " +
        "text_encoder_2 and tokenizer_2; load them, or give promptEmbeds and pooledPromptEmbeds",
    );
  }
  const clips = [[tokenizer, textEncoder, first!], [tokenizer2, textEncoder2, second!]] as const;
  const states: Tensor[] = [];
  const pooled: Tensor[] = [];
  for (const [cutter, encoder, texts] of clips) {
    const tokens = cutter.encode(texts, {
      padding: "max_length",
      maxLength: tokenizer.modelMaxLength,
      truncation: true,
    });
    warnOfCut({ tokenizer: cutter, warn }, tokens);
    const { hiddenStates, textEmbeds } = await encoder.forward(tokens.inputIds, {
      outputHiddenStates: true,
    });
    const state = hiddenStates!.at(-2 - clipSkip);
    if (state === undefined) {
      throw new RangeError(
        `Cannot skip ${clipSkip} layers of a text encoder of ${hiddenStates!.length - 1}: ` +
          `clipSkip may be up to ${hiddenStates!.length - 2}`,
      );
    }
    if (textEmbeds === undefined) {
      throw new DenoiseError(
        "missing_component",
        `Cannot encode the prompt: a ${encoder.className} gives no pooled text; text_encoder and ` +
          "text_encoder_2 must be CLIPTextModelWithProjection",
      );
    }
    states.push(state);
    pooled.push(textEmbeds);
  }
  const [count, width] = [first!.length, transformer.config.joint_attention_dim];
  const clip = Tensor.cat(states, 2);
  const [, length, own] = clip.dims as readonly [number, number, number];
  const padded = own < width
    ? Tensor.cat([clip, Tensor.zeros([count, length, width - own])], 2)
    : clip;
  let t5 = Tensor.zeros([count, maxSequenceLength, width]);
  if (textEncoder3 !== null && tokenizer3 !== null) {
    const tokens = tokenizer3.encode(third!, {
      padding: "max_length",
      maxLength: maxSequenceLength,
      truncation: true,
    });
    warnOfCut({ tokenizer: tokenizer3, warn }, tokens, maxSequenceLength);
    t5 = (await textEncoder3.forward(tokens.inputIds)).lastHiddenState;
  }
  return { embeds: Tensor.cat([padded, t5], 1), pooled: Tensor.cat(pooled, 1) };
}

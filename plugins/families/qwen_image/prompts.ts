import { type CallOptions, type PipelineRun, Tensor } from "@denoise/core";
import { checkPrompts, type Prompt, textStates } from "@denoise/diffusion";
import type { QwenImageComponents } from "./components.ts";

/** The prompts of a call of Qwen-Image. */
export interface QwenImagePromptOptions {
  /** What the image should not show, with a `trueCfgScale` above 1: one text, or one for each prompt. */
  readonly negativePrompt?: Prompt | undefined;
  /** Images made of each prompt. Defaults to 1. */
  readonly numImagesPerPrompt?: number | undefined;
  /**
   * States instead of prompts: float32 [prompts, tokens, width], or for each one [tokens, width]. Where
   * lengths differ a list takes the place of diffusers' padding and `prompt_embeds_mask`.
   */
  readonly promptEmbeds?: Tensor | readonly Tensor[] | undefined;
  /** The same instead of negative prompts. */
  readonly negativePromptEmbeds?: Tensor | readonly Tensor[] | undefined;
  /** Tokens of a prompt that count, 1..1024. Defaults to 512. */
  readonly maxSequenceLength?: number | undefined;
}

/** The declarations of {@linkcode QwenImagePromptOptions}. */
export const qwenImagePromptOptions: CallOptions<QwenImagePromptOptions> = {
  negativePrompt: { type: "string", list: "allowed" },
  numImagesPerPrompt: { type: "integer", minimum: 1 },
  promptEmbeds: { type: "tensor", list: "allowed" },
  negativePromptEmbeds: { type: "tensor", list: "allowed" },
  maxSequenceLength: { type: "integer", minimum: 1, maximum: 1024 },
};

/** The instruction before a prompt (`prompt_template_encode`). */
const INSTRUCTION =
  "<|im_start|>system\nDescribe the image by detailing the color, shape, size, texture, " +
  "quantity, text, spatial relationships of the objects and background:<|im_end|>\n<|im_start|>user\n";

/** How many tokens it has, whatever the tokenizer (`prompt_template_encode_start_idx`). */
const INSTRUCTION_TOKENS = 34;

/** What ends a prompt. */
const ANSWER = "<|im_end|>\n<|im_start|>assistant\n";

/** The texts of a call: for each image the states of its prompt, float32 [tokens, width]. */
export interface QwenImageTexts {
  /** What the images show. */
  readonly wanted: readonly Tensor[];
  /** What they do not; undefined without guidance. */
  readonly unwanted: readonly Tensor[] | undefined;
}

/** What a call says of its prompts to those who encode them. */
export type QwenImagePromptCall = QwenImagePromptOptions & {
  readonly signal?: AbortSignal | undefined;
};

/**
 * Prompts to states (`encode_prompt` of QwenImagePipeline): each behind an instruction to describe an image,
 * whose states are left out.
 *
 * @param guided Whether a negative prompt is encoded, where there is one.
 * @throws {TypeError} for both or neither of prompt and states.
 * @throws {DenoiseError} `missing_component` without a text encoder.
 */
export async function encodeQwenImagePrompts(
  { components, warn }: Pick<
    PipelineRun<Pick<QwenImageComponents, "textEncoder" | "tokenizer">>,
    "components" | "warn"
  >,
  prompt: Prompt | undefined,
  options: QwenImagePromptCall,
  guided: boolean,
): Promise<QwenImageTexts> {
  const { maxSequenceLength: maxLength = 512, signal } = options;
  const encode = async (texts: readonly string[]): Promise<readonly Tensor[]> => {
    const states = await textStates(
      components,
      texts.map((text) => INSTRUCTION + text + ANSWER),
      { indices: [-1], maxLength, skipped: INSTRUCTION_TOKENS, warn, signal },
    );
    return states.map(([state]) => state!.squeeze(0));
  };
  const cut = (row: Tensor) => row.slice(0, 0, Math.min(maxLength, row.dims[0]!));
  return await encodeTexts(prompt, options, guided, { encode, cut });
}

/**
 * The texts of a call, given as states or encoded, one for each image to make.
 *
 * @param how.encode Encodes texts, each to float32 [tokens, width].
 * @param how.cut What is kept of states that a call gives.
 */
export async function encodeTexts(
  prompt: Prompt | undefined,
  options: QwenImagePromptOptions,
  guided: boolean,
  { encode, cut }: {
    readonly encode: (texts: readonly string[]) => Promise<readonly Tensor[]>;
    readonly cut: (states: Tensor) => Tensor;
  },
): Promise<QwenImageTexts> {
  checkPrompts(prompt, options);
  const { promptEmbeds, negativePromptEmbeds, negativePrompt, numImagesPerPrompt = 1 } = options;
  const given = (embeds: Tensor | readonly Tensor[]) => rowsOf(embeds).map(cut);
  const prompts = promptEmbeds === undefined ? await encode([prompt!].flat()) : given(promptEmbeds);
  const spread = (states: readonly Tensor[]) => {
    if (states.length !== prompts.length) {
      throw new RangeError(
        `Cannot pair ${states.length} negative prompts with ${prompts.length} prompts: give one for all, ` +
          "or one for each",
      );
    }
    return states.flatMap((state) => Array<Tensor>(numImagesPerPrompt).fill(state));
  };
  const negatives = negativePromptEmbeds !== undefined
    ? given(negativePromptEmbeds)
    : !guided || negativePrompt === undefined
    ? undefined
    : await encode(
      typeof negativePrompt === "string"
        ? Array<string>(prompts.length).fill(negativePrompt)
        : negativePrompt,
    );
  return {
    wanted: spread(prompts),
    unwanted: guided && negatives !== undefined ? spread(negatives) : undefined,
  };
}

/** A tensor [rows, tokens, width] as its rows. */
function rowsOf(embeds: Tensor | readonly Tensor[]): readonly Tensor[] {
  if (!(embeds instanceof Tensor)) return embeds;
  return embeds.chunk(embeds.dims[0]!, 0).map((row) => row.squeeze(0));
}

import { type CallOptions, type PipelineRun, Tensor } from "@denoise/core";
import {
  type CaptionOptions,
  captionOptions,
  captionReader,
  encodeMaskedPrompts,
  encodeMaskedTexts,
  type MaskedPromptOptions,
  maskedPromptOptions,
  type MaskedText,
  type Prompt,
  textParts,
} from "@denoise/diffusion";
import type { SanaComponents } from "./components.ts";

/** The prompts of a call of Sana. */
export interface SanaPromptOptions extends MaskedPromptOptions, CaptionOptions {
  /**
   * What the language model is asked to do with the prompt, in lines; an empty list or null leaves it with the
   * prompt alone. Defaults to {@linkcode COMPLEX_HUMAN_INSTRUCTION}.
   */
  readonly complexHumanInstruction?: readonly string[] | null | undefined;
}

/** The declarations of {@linkcode SanaPromptOptions}. */
export const sanaPromptOptions: CallOptions<SanaPromptOptions> = {
  ...maskedPromptOptions,
  ...captionOptions,
  complexHumanInstruction: { type: "string", list: "required", nullable: true },
};

/** What Sana asks of Gemma before each prompt (`complex_human_instruction` of diffusers). */
export const COMPLEX_HUMAN_INSTRUCTION: readonly string[] = Object.freeze([
  "Given a user prompt, generate an 'Enhanced prompt' that provides detailed visual descriptions suitable for image generation. Evaluate the level of detail in the user prompt:",
  "- If the prompt is simple, focus on adding specifics about colors, shapes, sizes, textures, and spatial relationships to create vivid and concrete scenes.",
  "- If the prompt is already detailed, refine and enhance the existing details slightly without overcomplicating.",
  "Here are examples of how to transform or refine prompts:",
  "- User Prompt: A cat sleeping -> Enhanced: A small, fluffy white cat curled up in a round shape, sleeping peacefully on a warm sunny windowsill, surrounded by pots of blooming red flowers.",
  "- User Prompt: A busy city street -> Enhanced: A bustling city street scene at dusk, featuring glowing street lamps, a diverse crowd of people in colorful clothing, and a double-decker bus passing by towering glass skyscrapers.",
  "Please generate only the enhanced description for the prompt below and avoid including any additional commentary or evaluations:",
  "User Prompt: ",
]);

/** Tokens of a text, where the call does not say it. */
const LENGTH = 300;

/**
 * Prompts to states and masks (`encode_prompt` of SanaPipeline): the prompt is read behind the instruction, of
 * whose states the first token's is kept; the negative prompt is read alone.
 *
 * @returns The text, and with guidance the negative text.
 */
export async function encodeSanaPrompts(
  { components, warn }: Pick<PipelineRun<SanaComponents>, "components" | "warn">,
  prompt: Prompt | undefined,
  options: SanaPromptOptions,
  guidance: boolean,
): Promise<readonly [text: MaskedText, negative: MaskedText | undefined]> {
  const { maxSequenceLength: length = LENGTH } = options;
  const { complexHumanInstruction: lines = COMPLEX_HUMAN_INSTRUCTION } = options;
  const readCaption = captionReader(options, warn);
  const read = (texts: readonly string[], maxLength: number, warned?: typeof warn) =>
    encodeMaskedTexts(components, texts, { maxLength, paddingSide: "right", warn: warned });
  return await encodeMaskedPrompts(prompt, options, guidance, {
    tiledMasks: true,
    async encode(texts, like) {
      const plain = texts.map(readCaption);
      const instruction = like === undefined ? (lines ?? []).join("\n") : "";
      if (instruction === "") {
        return await read(plain, length, like === undefined ? warn : undefined);
      }
      const { tokenizer } = textParts(components);
      const [, tokens] = tokenizer.encode(instruction).inputIds.dims as [number, number];
      const whole = await read(
        plain.map((text) => instruction + text),
        tokens + length - 2,
        warn,
      );
      return { embeds: firstAndLast(whole.embeds, length), mask: firstAndLast(whole.mask, length) };
    },
  });
}

/** The first of the tokens and the last ones, `count` in all. */
function firstAndLast(rows: Tensor, count: number): Tensor {
  const tokens = rows.dims[1]!;
  return Tensor.cat([rows.slice(1, 0, 1), rows.slice(1, tokens - count + 1, tokens)], 1);
}

import type { Tensor } from "@denoise/core";
import {
  countPrompts,
  type EncodedPrompts,
  encodePrompts,
  type PromptEncoder,
  type PromptOptions,
} from "@denoise/diffusion";
import { encodeInSyntax, type PromptSyntaxOptions, type TextStates } from "@denoise/prompt-syntax";

/** What one of the two sides of a call says, in texts or in states of texts. */
interface Side<T> {
  /** For each text encoder the texts. */
  readonly texts: readonly (readonly string[])[];
  /** States that are given instead. */
  readonly given: T | undefined;
}

/**
 * The states of a prompt and of a negative prompt, read in a syntax and brought to one length.
 *
 * @param encode Encodes texts to states of so many tokens at least.
 * @returns The prompt's and, where it is asked for, the negative prompt's.
 * @throws {RangeError} where states that are given are shorter than the prompt beside them.
 */
export async function encodeSides<T extends TextStates>(
  encode: (texts: readonly (readonly string[])[], tokens: number) => Promise<T>,
  positive: Side<T>,
  negative: Side<T> | undefined,
): Promise<readonly [positive: T, negative: T | undefined]> {
  const sides = negative === undefined ? [positive] : [positive, negative];
  const asked = sides.map(({ given }) => given?.embeds.dims[1]!).filter((tokens) => tokens > 0);
  let states = await Promise.all(
    sides.map(async ({ texts, given }) => given ?? await encode(texts, Math.max(0, ...asked))),
  );
  const longest = Math.max(...states.map(({ embeds }) => embeds.dims[1]!));
  if (states.some(({ embeds }) => embeds.dims[1]! < longest)) {
    states = await Promise.all(sides.map(async ({ texts, given }, i) => {
      if (states[i]!.embeds.dims[1] === longest) return states[i]!;
      if (given === undefined) return await encode(texts, longest);
      throw new RangeError(
        `Cannot pair states of ${given.embeds.dims[1]} tokens with a prompt of ${longest}: give ` +
          `states as long, with those of an empty prompt behind them`,
      );
    }));
  }
  return [states[0]!, states[1]];
}

/** Prompts to text states, one row for each image, read in the syntax that the call names. */
export async function encodeText(
  encoder: PromptEncoder,
  prompt: string | readonly string[] | undefined,
  guidance: boolean,
  options: PromptOptions & PromptSyntaxOptions,
): Promise<EncodedPrompts> {
  const { promptSyntax, clipSkip, numImagesPerPrompt = 1, negativePrompt = "" } = options;
  if (promptSyntax === undefined) return await encodePrompts(encoder, prompt, guidance, options);
  const count = countPrompts(prompt, options);
  const { tokenizer, textEncoder } = encoder;
  const states = async (ids: Tensor, attentionMask?: Tensor): Promise<TextStates> => {
    const { lastHiddenState } = await textEncoder.forward(ids, { clipSkip, attentionMask });
    return { embeds: lastHiddenState };
  };
  const side = (text: string | readonly string[] | undefined, embeds: Tensor | undefined) => ({
    texts: [rowsOf(text ?? "", count)],
    given: embeds === undefined ? undefined : { embeds },
  });
  const [positive, negative] = await encodeSides(
    (texts, tokens) => encodeInSyntax(promptSyntax, [{ tokenizer, states }], texts, tokens),
    side(prompt, options.promptEmbeds),
    guidance ? side(negativePrompt, options.negativePromptEmbeds) : undefined,
  );
  const spread = ({ embeds }: TextStates) => embeds.repeatInterleave(numImagesPerPrompt, 0);
  return { promptEmbeds: spread(positive), negativePromptEmbeds: negative && spread(negative) };
}

/** One text for each prompt. */
export function rowsOf(text: string | readonly string[], count: number): readonly string[] {
  return typeof text === "string" ? Array<string>(count).fill(text) : text;
}

import { type CallOptions, Tensor } from "@denoise/core";
import { checkPrompts, type Prompt } from "./prompt.ts";

/** The prompts of a call whose texts may be of any lengths. */
export interface TextRowOptions {
  /** What the image should not show: one text, or one for each prompt. */
  readonly negativePrompt?: Prompt | undefined;
  /** Images made of each prompt. Defaults to 1. */
  readonly numImagesPerPrompt?: number | undefined;
  /**
   * States instead of prompts: one tensor with a row for each, or a list of theirs. Where lengths differ a list
   * takes the place of diffusers' padding and `prompt_embeds_mask`.
   */
  readonly promptEmbeds?: Tensor | readonly Tensor[] | undefined;
  /** The same instead of negative prompts. */
  readonly negativePromptEmbeds?: Tensor | readonly Tensor[] | undefined;
}

/** The declarations of {@linkcode TextRowOptions}. */
export const textRowOptions: CallOptions<TextRowOptions> = {
  negativePrompt: { type: "string", list: "allowed" },
  numImagesPerPrompt: { type: "integer", minimum: 1 },
  promptEmbeds: { type: "tensor", list: "allowed" },
  negativePromptEmbeds: { type: "tensor", list: "allowed" },
};

/** The texts of a call: for each image the states of its prompt, float32 [tokens, ...]. */
export interface TextRows {
  /** What the images show. */
  readonly wanted: readonly Tensor[];
  /** What they do not; undefined without guidance. */
  readonly unwanted: readonly Tensor[] | undefined;
}

/** How texts become rows of states. */
export interface TextRowsEncoder {
  /** Whether negative prompts are encoded too. */
  readonly guided: boolean;
  /** What a guided call without a negative prompt has for one; by default it is not guided then. */
  readonly negative?: string | undefined;
  /** Encodes texts, each to float32 [tokens, ...]. */
  readonly encode: (texts: readonly string[]) => Promise<readonly Tensor[]>;
  /** What is kept of a row that a call gives. Defaults to all. */
  readonly cut?: ((states: Tensor) => Tensor) | undefined;
}

/**
 * The texts of a call, given as states or encoded, one row for each image to make.
 *
 * @throws {TypeError} for both or neither of prompt and states.
 * @throws {RangeError} for negative prompts that are not one for all, or one for each.
 */
export async function encodeTextRows(
  prompt: Prompt | undefined,
  options: TextRowOptions,
  { guided, negative, encode, cut = (states) => states }: TextRowsEncoder,
): Promise<TextRows> {
  checkPrompts(prompt, options, true);
  const { promptEmbeds, negativePromptEmbeds, numImagesPerPrompt = 1 } = options;
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
  const wanted = spread(prompts);
  if (!guided) return { wanted, unwanted: undefined };
  if (negativePromptEmbeds !== undefined) {
    return { wanted, unwanted: spread(given(negativePromptEmbeds)) };
  }
  const { negativePrompt = negative } = options;
  if (negativePrompt === undefined) return { wanted, unwanted: undefined };
  const texts = typeof negativePrompt === "string"
    ? Array<string>(prompts.length).fill(negativePrompt)
    : negativePrompt;
  return { wanted, unwanted: spread(await encode(texts)) };
}

/** A tensor [rows, tokens, ...] as its rows. */
function rowsOf(embeds: Tensor | readonly Tensor[]): readonly Tensor[] {
  if (!(embeds instanceof Tensor)) return embeds;
  return embeds.chunk(embeds.dims[0]!, 0).map((row) => row.squeeze(0));
}

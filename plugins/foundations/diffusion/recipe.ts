import type { Recipe } from "@denoise/core";
import type { BatchNoise } from "./noise.ts";
import type { PromptOptions } from "./prompt.ts";

/** What a recipe says of a call's prompts. */
export type DescribedOptions = Pick<
  PromptOptions,
  "negativePrompt" | "numImagesPerPrompt" | "clipSkip"
>;

/**
 * The recipe of each image of a run with prompts: everything it takes to make it again.
 *
 * @param facts What was settled for the run, such as size, steps and guidance scale.
 */
export function describeRun(
  prompt: string | readonly string[] | undefined,
  { negativePrompt, numImagesPerPrompt = 1, clipSkip }: DescribedOptions,
  facts: Recipe,
  noise: BatchNoise,
): (index: number) => Recipe {
  const textOf = (texts: string | readonly string[] | undefined, index: number) =>
    typeof texts === "string" ? texts : texts?.[Math.floor(index / numImagesPerPrompt)];
  return (index) => ({
    prompt: textOf(prompt, index),
    negativePrompt: textOf(negativePrompt, index),
    seed: noise.seedOf(index)?.toString(),
    clipSkip,
    ...facts,
  });
}

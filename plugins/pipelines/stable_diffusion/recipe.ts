import type { Recipe } from "@denoise/core";
import type { BatchNoise } from "@denoise/core/pipelines";
import type { StableDiffusionOptions } from "./mod.ts";

/** What was settled for a run. */
export interface RunFacts {
  readonly height: number;
  readonly width: number;
  readonly guidanceScale: number;
  readonly steps: number;
}

/** The recipe of each picture of a run: everything it takes to make it again. */
export function describeRun(
  prompt: string | readonly string[] | undefined,
  options: StableDiffusionOptions,
  facts: RunFacts,
  noise: BatchNoise,
): (index: number) => Recipe {
  const { negativePrompt, numImagesPerPrompt = 1, guidanceRescale, eta, clipSkip } = options;
  const textOf = (texts: string | readonly string[] | undefined, index: number) =>
    typeof texts === "string" ? texts : texts?.[Math.floor(index / numImagesPerPrompt)];
  return (index) => ({
    prompt: textOf(prompt, index),
    negativePrompt: textOf(negativePrompt, index),
    seed: noise.seedOf(index)?.toString(),
    steps: facts.steps,
    guidanceScale: facts.guidanceScale,
    guidanceRescale,
    eta,
    clipSkip,
    width: facts.width,
    height: facts.height,
  });
}

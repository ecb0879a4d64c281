import type { CallOption } from "@denoise/core";

/** A class of pipelines, as far as its options are asked for. */
export interface ClassOptions {
  /** Every option of a call by its name. */
  readonly options: Readonly<Record<string, CallOption>>;
}

/** Names of the option by which classes make several at once. */
export const COUNTS: readonly string[] = [
  "numImagesPerPrompt",
  "numWaveformsPerPrompt",
  "batchSize",
];
/** Names of the option that says how many seconds of audio a class makes. */
export const LENGTHS: readonly string[] = ["audioLengthInS", "audioEndInS", "audioDuration"];

/** The option by which a class makes several images or audio clips at once; undefined where it has none. */
export function countOption({ options }: ClassOptions): string | undefined {
  return COUNTS.find((name) => name in options);
}

/** The option that says how many seconds of audio a class makes; undefined where it has none. */
export function lengthOption({ options }: ClassOptions): string | undefined {
  return LENGTHS.find((name) => name in options);
}

import type { CallOption } from "@denoise/core";

/** A class of pipelines, as far as its options are asked for. */
interface Optioned {
  readonly options: Readonly<Record<string, CallOption>>;
}

const COUNTS = ["numImagesPerPrompt", "numWaveformsPerPrompt", "batchSize"] as const;
const LENGTHS = ["audioLengthInS", "audioEndInS"] as const;

/** The option by which a class makes several images or audio clips at once; undefined where it has none. */
export function countOption({ options }: Optioned): typeof COUNTS[number] | undefined {
  return COUNTS.find((name) => name in options);
}

/** The option that says how many seconds of audio a class makes; undefined where it has none. */
export function lengthOption({ options }: Optioned): typeof LENGTHS[number] | undefined {
  return LENGTHS.find((name) => name in options);
}

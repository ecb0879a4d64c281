import type { CallOptions, Tensor } from "@denoise/core";
import type { ControlImages, ImagesInput } from "./image_input.ts";

/** How much, and in which part of the steps, ControlNets take part. */
export interface ControlRangeOptions {
  /** What the residuals are multiplied with, for all ControlNets or for each. */
  readonly controlnetConditioningScale?: number | readonly number[] | undefined;
  /** The part of the steps after which control begins, 0..1, for all or each. Defaults to 0. */
  readonly controlGuidanceStart?: number | readonly number[] | undefined;
  /** The part of the steps after which control ends, 0..1, for all or each. Defaults to 1. */
  readonly controlGuidanceEnd?: number | readonly number[] | undefined;
}

/** The declarations of {@linkcode ControlRangeOptions}. */
export const controlRangeOptions: CallOptions<ControlRangeOptions> = {
  controlnetConditioningScale: { type: "number", list: "allowed" },
  controlGuidanceStart: { type: "number", list: "allowed" },
  controlGuidanceEnd: { type: "number", list: "allowed" },
};

/** The same settled; each list has an entry for each ControlNet. */
export interface ControlRanges {
  /** What the residuals are multiplied with. */
  readonly scales: readonly number[];
  /** The part of the steps before which there is no control. */
  readonly starts: readonly number[];
  /** The part of the steps after which there is none. */
  readonly ends: readonly number[];
}

/**
 * Settles scales and ranges for so many ControlNets.
 *
 * @throws {RangeError} for lists of another length, and for ranges that cannot be.
 */
export function planControlRanges(options: ControlRangeOptions, count: number): ControlRanges {
  const { controlGuidanceStart, controlGuidanceEnd, controlnetConditioningScale } = options;
  const ranges = {
    scales: forEach(controlnetConditioningScale, count, "controlnetConditioningScale", 1),
    starts: forEach(controlGuidanceStart, count, "controlGuidanceStart", 0),
    ends: forEach(controlGuidanceEnd, count, "controlGuidanceEnd", 1),
  };
  for (const [i, start] of ranges.starts.entries()) {
    const end = ranges.ends[i]!;
    if (start >= 0 && start < end && end <= 1) continue;
    throw new RangeError(
      `Cannot control from controlGuidanceStart ${start} to controlGuidanceEnd ${end}: the start ` +
        `must be 0 or more and before the end, which is at most 1`,
    );
  }
  return ranges;
}

function forEach(
  value: number | readonly number[] | undefined,
  count: number,
  name: string,
  otherwise: number,
): readonly number[] {
  const given = value ?? otherwise;
  const list = typeof given === "number" ? Array<number>(count).fill(given) : given;
  if (list.length !== count) {
    throw new RangeError(
      `Cannot control by ${count} ControlNets with ${name} ${JSON.stringify(given)}: give one ` +
        `number, or a list of ${count}`,
    );
  }
  return list;
}

/**
 * What the residuals of ControlNet `net` are multiplied with in a step; 0 outside of its range.
 *
 * @param index Of the step.
 * @param total How many steps there are.
 */
export function controlScale(
  ranges: ControlRanges,
  net: number,
  index: number,
  total: number,
): number {
  return isControlled(ranges, net, index, total) ? ranges.scales[net]! : 0;
}

/**
 * Whether ControlNet `net` takes part in a step.
 *
 * @param index Of the step.
 * @param total How many steps there are.
 */
export function isControlled(
  { starts, ends }: Pick<ControlRanges, "starts" | "ends">,
  net: number,
  index: number,
  total: number,
): boolean {
  return index / total >= starts[net]! && (index + 1) / total <= ends[net]!;
}

/**
 * The control images of each of several ControlNets, of a list with one for each, or such a list for each
 * prompt.
 *
 * @throws {TypeError} without a list.
 * @throws {RangeError} for a list of another length.
 */
export function controlImageSets(
  given: ControlImages | undefined,
  count: number,
): readonly ImagesInput[] {
  if (!Array.isArray(given)) {
    throw new TypeError(
      `Cannot control by ${count} ControlNets: give a list of ${count} images, one for each`,
    );
  }
  const perPrompt = given.some((item) => Array.isArray(item));
  const sets = perPrompt
    ? Array.from({ length: given[0].length }, (_, i) => given.map((row) => row[i]))
    : given;
  if (sets.length === count && (!perPrompt || given.every((row) => row.length === count))) {
    return sets;
  }
  throw new RangeError(
    `Cannot control by ${count} ControlNets with ${sets.length} images: give one for each`,
  );
}

/**
 * The residuals of two ControlNets added up: of nets of unequal depth only those count that both have.
 */
export function addResiduals(a: readonly Tensor[], b: readonly Tensor[]): readonly Tensor[] {
  return a.slice(0, b.length).map((x, i) => x.add(b[i]!));
}

/**
 * Checks that a ControlNet was made for a transformer.
 *
 * @param pairs What its config says under some names, and what it must say.
 * @throws {RangeError} naming the first that differs.
 */
export function checkControlFits(
  net: { readonly className: string },
  pairs: Readonly<Record<string, readonly [found: number | null, wanted: number | null]>>,
): void {
  for (const [key, [found, wanted]] of Object.entries(pairs)) {
    if (found === wanted) continue;
    throw new RangeError(
      `Cannot control this transformer: the ${key} of the ${net.className} is ${found}, but must ` +
        `be ${wanted}; use a ControlNet that was trained for this model and pipeline`,
    );
  }
}

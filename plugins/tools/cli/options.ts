import { InvalidArgumentError } from "commander";

/** Reads a whole number from `min` to `max` from the command line. */
export function integer(min: number, max: number = Number.MAX_SAFE_INTEGER) {
  return (text: string): number => {
    const value = Number(text);
    if (/^-?\d+$/.test(text) && value >= min && value <= max) return value;
    const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
    throw new InvalidArgumentError(`It must be an integer ${range}.`);
  };
}

/** Reads a number from `min` to `max` from the command line. */
export function number(min: number, max: number) {
  return (text: string): number => {
    const value = text.trim() === "" ? NaN : Number(text);
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a number from ${min} to ${max}.`);
  };
}

/** Reads an image size, `512` or `768x512` (width x height). */
export function size(text: string): { readonly width: number; readonly height: number } {
  const [_, width, height = width] = text.match(/^(\d+)(?:x(\d+))?$/i) ?? [];
  if (width === undefined) {
    throw new InvalidArgumentError(
      'It must be a size such as "512" or "768x512" (width x height).',
    );
  }
  return { width: Number(width), height: Number(height) };
}

/** Reads a seed: a whole number that fits 64 bits. */
export function seed(text: string): bigint {
  if (/^-?\d+$/.test(text)) {
    const value = BigInt(text);
    if (value >= -(2n ** 63n) && value < 2n ** 64n) return value;
  }
  throw new InvalidArgumentError("It must be an integer of at most 64 bits.");
}

/** Reads an option that may be given several times, each time as `read` does. */
export function several<T>(read: (text: string) => T) {
  return (text: string, before: readonly T[]): readonly T[] => [...before, read(text)];
}

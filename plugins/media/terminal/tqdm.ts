import { ProgressBar, type ProgressOptions } from "./progress_bar.ts";

function lengthOf(items: object): number | undefined {
  const { length, size } = items as { length?: unknown; size?: unknown };
  return [length, size].find((value) => typeof value === "number") as number | undefined;
}

function* track<T, R>(items: Iterable<T, R>, options: ProgressOptions): Generator<T, R> {
  const bar = new ProgressBar(options);
  const iterator = items[Symbol.iterator]();
  let isDone = false;
  try {
    while (true) {
      const result = iterator.next();
      isDone = result.done ?? false;
      if (result.done) return result.value;
      yield result.value;
      bar.increment();
    }
  } finally {
    bar.stop();
    if (!isDone) iterator.return?.();
  }
}

async function* trackAsync<T, R>(
  items: AsyncIterable<T, R>,
  options: ProgressOptions,
): AsyncGenerator<T, R> {
  const bar = new ProgressBar(options);
  const iterator = items[Symbol.asyncIterator]();
  let isDone = false;
  try {
    while (true) {
      const result = await iterator.next();
      isDone = result.done ?? false;
      if (result.done) return result.value;
      yield result.value;
      bar.increment();
    }
  } finally {
    bar.stop();
    if (!isDone) await iterator.return?.();
  }
}

/**
 * The same items, with a progress bar while they are walked through, as Python's tqdm: on a
 * terminal a bar with items a second and the time left, elsewhere a plain line every few seconds.
 * An item counts as done when the next one is asked for. The return value of a generator is kept.
 *
 * @param items Anything iterable, also asynchronously.
 * @param options `total` is known by itself for arrays, sets, maps and typed arrays.
 *
 * @category Pipelines
 *
 * @example
 * ```ts
 * import { tqdm } from "@denoise/terminal";
 * import { assertEquals } from "@std/assert";
 *
 * const seen: number[] = [];
 * for (const t of tqdm([999, 998, 997], { desc: "denoise", disable: true })) seen.push(t);
 * assertEquals(seen, [999, 998, 997]);
 * ```
 */
export function tqdm<T, R = unknown>(
  items: Iterable<T, R>,
  options?: ProgressOptions,
): Generator<T, R>;
/** The same items, with a progress bar while they are waited for. */
export function tqdm<T, R = unknown>(
  items: AsyncIterable<T, R>,
  options?: ProgressOptions,
): AsyncGenerator<T, R>;
export function tqdm<T, R>(
  items: Iterable<T, R> | AsyncIterable<T, R>,
  options: ProgressOptions = {},
): Generator<T, R> | AsyncGenerator<T, R> {
  const isIterable = typeof items === "object" && items !== null || typeof items === "string";
  const withTotal = {
    ...options,
    total: options.total ?? (isIterable ? lengthOf(items) : undefined),
  };
  if (isIterable && Symbol.asyncIterator in Object(items)) {
    return trackAsync(items as AsyncIterable<T, R>, withTotal);
  }
  if (isIterable && Symbol.iterator in Object(items)) {
    return track(items as Iterable<T, R>, withTotal);
  }
  throw new TypeError(
    `Cannot show progress over ${JSON.stringify(items) ?? String(items)}: it must be iterable`,
  );
}

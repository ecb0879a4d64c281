import { Tensor } from "@denoise/core";

/**
 * Runs a model on rows whose texts may be of different lengths: rows whose texts are equally long are
 * computed together, so that no text is padded and no attention masked.
 *
 * @param texts For each row the states of its text, float32 [tokens, width].
 * @param run Computes the rows of these numbers, whose texts are float32 [rows, tokens, width].
 * @returns What `run` gave for each row, in the order of the texts.
 */
export async function runByTextLength<R extends Readonly<Record<string, Tensor>>>(
  texts: readonly Tensor[],
  run: (rows: readonly number[], texts: Tensor) => Promise<R>,
): Promise<R> {
  const groups = [...Map.groupBy(texts.keys(), (row) => texts[row]!.dims[0]!).values()];
  const results: R[] = [];
  for (const rows of groups) {
    results.push(await run(rows, Tensor.stack(rows.map((row) => texts[row]!), 0)));
  }
  if (results.length === 1) return results[0]!; // which may lie on a device
  const order = groups.flat();
  const places = texts.map((_, row) => order.indexOf(row));
  const joined = (name: string) =>
    pickRows(Tensor.cat(results.map((result) => result[name]!)), places);
  return Object.fromEntries(Object.keys(results[0]!).map((name) => [name, joined(name)])) as R;
}

/** The rows of these numbers. */
export function pickRows(x: Tensor, rows: readonly number[]): Tensor {
  if (rows.length === x.dims[0] && rows.every((row, i) => row === i)) return x;
  return Tensor.cat(rows.map((row) => x.slice(0, row, row + 1)), 0);
}

/**
 * Makes sure that a text encoder has places for all tokens.
 *
 * @throws {RangeError} where it has not.
 */
export function checkTokenCount(count: number, limit: number): void {
  if (count <= limit) return;
  throw new RangeError(
    `Cannot encode ${count} tokens: the model takes at most ${limit}; cut the text`,
  );
}

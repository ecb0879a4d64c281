import { Tensor } from "@denoise/core";

/**
 * Runs a model on rows whose texts may be of different lengths: rows whose texts are equally long are
 * computed together, so that no text is padded and no attention masked.
 *
 * @param texts For each row the states of its text, float32 [tokens, width].
 * @param run Computes the rows of these numbers, whose texts are float32 [rows, tokens, width].
 * @returns What `run` gave for each row, in the order of the texts.
 */
export async function runByTextLength(
  texts: readonly Tensor[],
  run: (rows: readonly number[], texts: Tensor) => Promise<Tensor>,
): Promise<Tensor> {
  const groups = [...Map.groupBy(texts.keys(), (row) => texts[row]!.dims[0]!).values()];
  const results = Array<Tensor>(texts.length);
  for (const rows of groups) {
    const made = await run(rows, Tensor.stack(rows.map((row) => texts[row]!), 0));
    for (const [i, part] of made.chunk(rows.length, 0).entries()) results[rows[i]!] = part;
  }
  return Tensor.cat(results, 0);
}

/** The rows of these numbers. */
export function pickRows(x: Tensor, rows: readonly number[]): Tensor {
  return Tensor.cat(rows.map((row) => x.slice(0, row, row + 1)), 0);
}

/**
 * The solution of a small system of linear equations, by elimination with pivots.
 *
 * @param matrix Rows of coefficients, square.
 * @param right The right-hand side.
 */
export function solveLinear(
  matrix: readonly (readonly number[])[],
  right: readonly number[],
): number[] {
  const size = right.length;
  const rows = matrix.map((row, i) => [...row, right[i]!]);
  for (let column = 0; column < size; column++) {
    const pivot = rows.slice(column).reduce(
      (best, row, i) => Math.abs(row[column]!) > Math.abs(rows[best]![column]!) ? column + i : best,
      column,
    );
    [rows[column], rows[pivot]] = [rows[pivot]!, rows[column]!];
    for (const [i, row] of rows.entries()) {
      if (i === column) continue;
      const factor = row[column]! / rows[column]![column]!;
      rows[i] = row.map((value, j) => value - factor * rows[column]![j]!);
    }
  }
  return rows.map((row, i) => row[size]! / row[i]!);
}

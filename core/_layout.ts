/** The number of elements of a shape. */
export function sizeOf(dims: readonly number[]): number {
  return dims.reduce((size, dim) => size * dim, 1);
}

/** Row-major strides: how far apart neighbours along each axis lie. */
export function stridesOf(dims: readonly number[]): number[] {
  const strides = new Array<number>(dims.length).fill(1);
  for (let axis = dims.length - 2; axis >= 0; axis--) {
    strides[axis] = strides[axis + 1]! * dims[axis + 1]!;
  }
  return strides;
}

/** A shape in messages: `[1, 4, 64, 64]`. */
export function showDims(dims: readonly number[]): string {
  return `[${dims.join(", ")}]`;
}

/** Checks a shape: integers from 0. */
export function checkDims(dims: readonly number[]): void {
  if (!Array.isArray(dims)) {
    throw new TypeError(`A shape is an array of integers from 0, but it is ${String(dims)}`);
  }
  if (dims.every((dim) => Number.isSafeInteger(dim) && dim >= 0)) return;
  throw new TypeError(`A shape is made of integers from 0, but it is ${showDims(dims)}`);
}

/** An axis counted from the front; negative ones count from the back. */
export function axisOf(axis: number, dims: readonly number[]): number {
  const found = axis < 0 ? axis + dims.length : axis;
  if (Number.isInteger(found) && found >= 0 && found < dims.length) return found;
  throw new TypeError(
    `There is no axis ${axis} in shape ${showDims(dims)}: axes go from ${-dims.length} to ` +
      `${dims.length - 1}`,
  );
}

/** The shape that two shapes broadcast to, by numpy's rule. */
export function broadcastDims(a: readonly number[], b: readonly number[], doing: string): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const da = a[axis - rank + a.length] ?? 1;
    const db = b[axis - rank + b.length] ?? 1;
    if (da === db || db === 1) return da;
    if (da === 1) return db;
    throw new TypeError(
      `Cannot ${doing} shapes ${showDims(a)} and ${showDims(b)}: ` +
        `at axis ${axis - rank} they have ${da} and ${db} elements`,
    );
  });
}

/** Strides that read a tensor of shape `dims` as if it had the shape `to` (0 where it repeats). */
export function broadcastStrides(dims: readonly number[], to: readonly number[]): number[] {
  const strides = stridesOf(dims);
  const missing = to.length - dims.length;
  return to.map((_, axis) => {
    const own = axis - missing;
    return own < 0 || dims[own] === 1 ? 0 : strides[own]!;
  });
}

/**
 * Calls `visit` for each run along the last axis, with the run's place in the result and the
 * places that the given strides lead to.
 */
export function forEachRow(
  dims: readonly number[],
  strides: readonly (readonly number[])[],
  visit: (position: number, offsets: readonly number[]) => void,
): void {
  const row = dims[dims.length - 1] ?? 1;
  const rows = row === 0 ? 0 : sizeOf(dims) / row;
  const index = new Array<number>(dims.length).fill(0);
  const offsets = strides.map(() => 0);
  for (let r = 0; r < rows; r++) {
    visit(r * row, offsets);
    for (let axis = dims.length - 2; axis >= 0; axis--) {
      index[axis]!++;
      const wraps = index[axis] === dims[axis];
      const steps = wraps ? 1 - dims[axis]! : 1;
      for (let s = 0; s < strides.length; s++) offsets[s]! += strides[s]![axis]! * steps;
      if (!wraps) break;
      index[axis] = 0;
    }
  }
}

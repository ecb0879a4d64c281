import type { Numbers } from "./dtype.ts";
import { broadcastStrides, forEachRow, sizeOf } from "./_layout.ts";

/**
 * out[o + i] = a[p + i·s] ∘ b[q + i·t] for i < n. A step of 0 repeats one element, so that the
 * same loop serves tensors of equal shape, a number on either side, and rows of a broadcast.
 */
type Loop = (
  out: Numbers,
  o: number,
  n: number,
  a: Numbers,
  p: number,
  s: number,
  b: Numbers,
  q: number,
  t: number,
) => void;

const add: Loop = (out, o, n, a, p, s, b, q, t) => {
  for (let i = 0; i < n; i++) out[o + i] = a[p + i * s]! + b[q + i * t]!;
};

const sub: Loop = (out, o, n, a, p, s, b, q, t) => {
  for (let i = 0; i < n; i++) out[o + i] = a[p + i * s]! - b[q + i * t]!;
};

const mul: Loop = (out, o, n, a, p, s, b, q, t) => {
  for (let i = 0; i < n; i++) out[o + i] = a[p + i * s]! * b[q + i * t]!;
};

const div: Loop = (out, o, n, a, p, s, b, q, t) => {
  for (let i = 0; i < n; i++) out[o + i] = a[p + i * s]! / b[q + i * t]!;
};

const minimum: Loop = (out, o, n, a, p, s, b, q, t) => {
  for (let i = 0; i < n; i++) out[o + i] = Math.min(a[p + i * s]!, b[q + i * t]!);
};

const maximum: Loop = (out, o, n, a, p, s, b, q, t) => {
  for (let i = 0; i < n; i++) out[o + i] = Math.max(a[p + i * s]!, b[q + i * t]!);
};

const LOOPS = { add, sub, mul, div, minimum, maximum } as const;

/** A binary operation on elements. */
export type BinaryOperation = keyof typeof LOOPS;

/** Elements with the shape they have. */
export interface Operand {
  readonly values: Numbers;
  readonly dims: readonly number[];
}

/** Writes a ∘ b, both broadcast to `dims`, into `out`. */
export function combine(
  operation: BinaryOperation,
  a: Operand,
  b: Operand,
  dims: readonly number[],
  out: Numbers,
): void {
  const loop = LOOPS[operation];
  const size = sizeOf(dims);
  const [na, nb] = [a.values.length, b.values.length];
  const plain = (n: number): boolean => n === size || n === 1;
  if (plain(na) && plain(nb)) {
    loop(out, 0, size, a.values, 0, na === 1 ? 0 : 1, b.values, 0, nb === 1 ? 0 : 1);
    return;
  }
  const [sa, sb] = [broadcastStrides(a.dims, dims), broadcastStrides(b.dims, dims)];
  const row = dims[dims.length - 1]!;
  const [ta, tb] = [sa[sa.length - 1]!, sb[sb.length - 1]!];
  forEachRow(dims, [sa, sb], (o, [p, q]) => {
    loop(out, o, row, a.values, p!, ta, b.values, q!, tb);
  });
}

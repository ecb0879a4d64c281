import type { Tensor } from "@denoise/core";

/**
 * The Adams-Bashforth combination of the last slopes at equal distances, of an order as high as
 * there are slopes, with the float32 steps of the reference.
 *
 * @param slopes The newest first, one to four.
 */
export function adamsBashforth([e0, e1, e2, e3]: readonly Tensor[]): Tensor {
  if (e1 === undefined) return e0!;
  if (e2 === undefined) return e0!.mul(3).sub(e1).div(2);
  if (e3 === undefined) return e0!.mul(23).sub(e1.mul(16)).add(e2.mul(5)).div(12);
  return e0!.mul(55).sub(e1.mul(59)).add(e2.mul(37)).sub(e3.mul(9)).mul(1 / 24);
}

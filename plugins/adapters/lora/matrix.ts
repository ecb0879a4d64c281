import { Tensor } from "@denoise/core";

/** Tensors with a kernel of one pixel count as matrices. */
function asMatrix(tensor: Tensor): readonly [values: Float32Array, rows: number, columns: number] {
  const rows = tensor.dims[0]!;
  return [tensor.toFloat32Array(), rows, tensor.size / rows];
}

function fits(inner: number, other: number, a: Tensor, b: Tensor): void {
  if (inner === other) return;
  throw new RangeError(
    `its tensors [${a.dims.join(", ")}] and [${b.dims.join(", ")}] do not fit together`,
  );
}

/** The product of [m, k] and [k, n]: [m, n]. */
export function matMul(a: Tensor, b: Tensor): Tensor {
  const [left, rows, inner] = asMatrix(a);
  const [right, height, columns] = asMatrix(b);
  fits(inner, height, a, b);
  const product = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < inner; k++) {
      const factor = left[i * inner + k]!;
      for (let j = 0; j < columns; j++) {
        product[i * columns + j]! += factor * right[k * columns + j]!;
      }
    }
  }
  return new Tensor("float32", product, [rows, columns]);
}

/** The product of each element, for tensors of one shape. */
export function hadamard(a: Tensor, b: Tensor): Tensor {
  fits(Number(String(a.dims) === String(b.dims)), 1, a, b);
  return a.mul(b);
}

/** Every row of [m, n] times every row of [k, n]: [m·k, n]. */
export function khatriRao(a: Tensor, b: Tensor): Tensor {
  const [m, n] = a.dims as [number, number];
  const [k, columns] = b.dims as [number, number];
  fits(n, columns, a, b);
  return a.reshape([m, 1, n]).mul(b.reshape([1, k, n])).reshape([m * k, n]);
}

/** A kernel t [i, j, ...kernel] between matrices a [i, out] and b [j, in]: [out, in, ...kernel]. */
export function kernelOf(t: Tensor, a: Tensor, b: Tensor): Tensor {
  const [i, j, ...kernel] = t.dims as [number, number, ...number[]];
  const [out, input] = [a.dims[1]!, b.dims[1]!];
  const outer = matMul(a.permute([1, 0]), t.reshape([i, t.size / i])); // [out, j · kernel]
  const area = t.size / (i * j);
  const inner = outer.reshape([out, j, area]).permute([0, 2, 1]).reshape([out * area, j]);
  return matMul(inner, b).reshape([out, area, input]).permute([0, 2, 1])
    .reshape([out, input, ...kernel]);
}

/** A kernel [rank, inner, ...kernel] after a matrix [inner, in]: [rank, in, ...kernel]. */
export function throughKernel(kernel: Tensor, down: Tensor): Tensor {
  const [rank, inner, ...sides] = kernel.dims as [number, number, ...number[]];
  const [area, input] = [kernel.size / (rank * inner), down.size / down.dims[0]!];
  const rows = kernel.reshape([rank, inner, area]).permute([0, 2, 1]);
  return matMul(rows.reshape([rank * area, inner]), down).reshape([rank, area, input])
    .permute([0, 2, 1]).reshape([rank, input, ...sides]);
}

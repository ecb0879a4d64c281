import { describe, it } from "@std/testing/bdd";
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { Tensor } from "./tensor.ts";

const counted = (...dims: number[]): Tensor =>
  Tensor.arange(0, dims.reduce((a, b) => a * b, 1), 1, "float32").reshape(dims);

describe("Tensor constructors", () => {
  it("new Tensor() keeps the array and freezes the shape", () => {
    const data = Float32Array.of(1, 2, 3, 4);
    const tensor = new Tensor("float32", data, [2, 2]);
    assert(tensor.data === data);
    assertEquals(tensor.size, 4);
    assertThrows(() => (tensor.dims as number[]).push(1), TypeError);
  });

  it("new Tensor() refuses storage and shapes that do not fit", () => {
    const data = new Float32Array(4);
    assertThrows(() => new Tensor("float16", data, [4]), TypeError, "stored in Uint16Array");
    assertThrows(() => new Tensor("float32", data, [3]), TypeError, "[3] holds 3 elements");
    assertThrows(() => new Tensor("float32", data, [-4]), TypeError, "integers from 0");
    assertThrows(() => new Tensor("int8" as "int32", data, [4]), TypeError, '"int8"');
  });

  it("new Tensor() reads elements that lie elsewhere once, when they are asked for", () => {
    const log: string[] = [];
    const deferred = (data: Float32Array) => ({
      read: () => (log.push("read"), data),
      release: () => void log.push("release"),
    });
    const tensor = new Tensor("float32", deferred(Float32Array.of(1, 2)), [2]);
    assertEquals([tensor.dims, tensor.size, String(tensor)], [[2], 2, "Tensor(float32, [2])"]);
    assertEquals(log, []);
    assertEquals(tensor.add(1).toNested(), [2, 3]);
    assertEquals(tensor.toNested(), [1, 2]);
    assertEquals(log, ["read", "release"]);
    tensor[Symbol.dispose]();
    assertEquals(tensor.toNested(), [1, 2], "what was read stays");

    const given = new Tensor("float32", deferred(Float32Array.of(1)), [1]);
    given[Symbol.dispose]();
    assertThrows(() => given.data, TypeError, "given back before");
    assertEquals(log, ["read", "release", "release"]);
    const wrong = new Tensor("float32", deferred(Float32Array.of(1)), [2]);
    assertThrows(() => wrong.data, TypeError, "[2] holds 2 elements");
    const plain = Tensor.from([1]);
    plain[Symbol.dispose]();
    assertEquals(plain.toNested(), [1]);
  });

  it("from() takes nested arrays, scalars, typed arrays, bigint and booleans", () => {
    assertEquals(Tensor.from([[1, 2], [3, 4], [5, 6]]).dims, [3, 2]);
    assertEquals(Tensor.from([[1, 2], [3, 4], [5, 6]]).shape, [3, 2]);
    assertEquals(Tensor.from(7).dims, []);
    assertEquals(Tensor.from([]).dims, [0]);
    assertEquals(Tensor.from(Float64Array.of(1)).dtype, "float64");
    assertEquals(Tensor.from(Uint16Array.of(0x3c00)).item(), 1);
    assertEquals(Tensor.from([1n, 2n]).data, BigInt64Array.of(1n, 2n));
    assertEquals(Tensor.from([true, false]).dtype, "bool");
    assertEquals(Tensor.from([0.1], [1], "float16").dtype, "float16");
    assertEquals(Tensor.from(Int32Array.of(3), [1], "float32").data, Float32Array.of(3));
    assertEquals(Tensor.from([1, 2, 3, 4], [2, 2]).toNested(), [[1, 2], [3, 4]]);
  });

  it("from() refuses ragged nesting and foreign arrays", () => {
    assertThrows(() => Tensor.from([[1, 2], [3]]), TypeError, "one length at each depth");
    const clamped = new Uint8ClampedArray(1) as unknown as Uint8Array;
    assertThrows(() => Tensor.from(clamped), TypeError, "Uint8ClampedArray");
  });

  it("zeros(), ones(), full() and arange() fill", () => {
    assertEquals(Tensor.zeros([2, 0]).size, 0);
    assertEquals(Tensor.ones([2], "int64").data, BigInt64Array.of(1n, 1n));
    assertEquals(Tensor.full([2], 0.5, "float16").toNested(), [0.5, 0.5]);
    assertEquals(Tensor.arange(5, 0, -2).data, BigInt64Array.of(5n, 3n, 1n));
  });
});

describe("Tensor layout", () => {
  it("reshape() shares the elements and fills in -1", () => {
    const x = counted(2, 3, 4);
    assertEquals(x.reshape([4, -1]).dims, [4, 6]);
    assert(x.reshape([-1]).data === x.data);
    assertThrows(() => x.reshape([5, -1]), TypeError, "[2, 3, 4]) of 24 elements to [5, -1]");
    assertThrows(() => x.reshape([-1, -1]), TypeError);
  });

  it("permute() moves every element", () => {
    const x = counted(2, 3, 4);
    const y = x.permute([2, 0, 1]);
    assertEquals(y.dims, [4, 2, 3]);
    for (let a = 0; a < 2; a++) {
      for (let b = 0; b < 3; b++) {
        for (let c = 0; c < 4; c++) assertEquals(y.at(c, a, b), x.at(a, b, c));
      }
    }
    assert(y.permute([1, 2, 0]).equals(x));
    assertThrows(() => x.permute([0, 0, 1]), TypeError, "name each axis once");
  });

  it("slice() takes parts, from the back too, and clips", () => {
    const x = counted(2, 5);
    assertEquals(x.slice(1, 1, 3).toNested(), [[1, 2], [6, 7]]);
    assertEquals(x.slice(-1, -2).toNested(), [[3, 4], [8, 9]]);
    assertEquals(x.slice(0, 1, 99).toNested(), [[5, 6, 7, 8, 9]]);
    assertEquals(x.slice(0, 2).dims, [0, 5]);
    assertThrows(() => x.slice(2, 0), TypeError, "no axis 2 in shape [2, 5]");
  });

  it("select() drops the axis", () => {
    assertEquals(counted(2, 3).select(0, -1).toNested(), [3, 4, 5]);
    assertThrows(() => counted(2, 3).select(1, 3), RangeError, "Index 3");
  });

  it("chunk() and cat() are inverse, with a shorter last part", () => {
    const x = counted(2, 7);
    const parts = x.chunk(3, 1);
    assertEquals(parts.map((part) => part.dims[1]), [3, 3, 1]);
    assert(Tensor.cat(parts, 1).equals(x));
    assertThrows(() => x.chunk(0), RangeError, "an integer from 1");
  });

  it("cat() refuses other shapes and types", () => {
    assertThrows(() => Tensor.cat([counted(2, 3), counted(2, 4)]), TypeError, "[2, 4]");
    assertThrows(
      () => Tensor.cat([counted(2), counted(2).astype("float16")]),
      TypeError,
      "float16",
    );
    assertThrows(() => Tensor.cat([]), TypeError, "no tensors");
  });

  it("stack() joins along a new axis", () => {
    assertEquals(Tensor.stack([counted(2), counted(2)], -1).toNested(), [[0, 0], [1, 1]]);
  });

  it("repeat(), repeatInterleave() and expand() copy as torch does", () => {
    const x = counted(2, 2);
    assertEquals(x.repeat([1, 2]).toNested(), [[0, 1, 0, 1], [2, 3, 2, 3]]);
    assertEquals(counted(2).repeat([2, 1]).toNested(), [[0, 1], [0, 1]]);
    assertEquals(x.repeatInterleave(2, 0).toNested(), [[0, 1], [0, 1], [2, 3], [2, 3]]);
    assertEquals(counted(2, 1).expand([3, 2, 2]).select(0, 2).toNested(), [[0, 0], [1, 1]]);
    assertThrows(() => x.repeat([2]), TypeError, "a count for each axis");
    assertThrows(() => x.expand([2, 3]), TypeError, "[2, 3]");
  });

  it("squeeze() and unsqueeze() change axes of one", () => {
    const x = counted(1, 3, 1);
    assertEquals(x.squeeze().dims, [3]);
    assertEquals(x.squeeze(0).dims, [3, 1]);
    assertEquals(x.unsqueeze(-1).dims, [1, 3, 1, 1]);
    assertThrows(() => x.squeeze(1), TypeError, "axis 1");
  });

  it("at() and item() read elements of every type", () => {
    assertEquals(counted(2, 3).at(1, -1), 5);
    assertEquals(Tensor.from([3n]).item(), 3);
    assertEquals(Tensor.full([1], 0.25, "float16").item(), 0.25);
    assertThrows(() => counted(2).item(), TypeError, "one element");
    assertThrows(() => counted(2).at(2), RangeError, "Index 2");
  });
});

describe("Tensor arithmetic", () => {
  it("broadcasts as numpy does, in every place", () => {
    const x = counted(2, 1, 3);
    const y = counted(4, 1);
    const sum = x.add(y);
    assertEquals(sum.dims, [2, 4, 3]);
    for (let a = 0; a < 2; a++) {
      for (let b = 0; b < 4; b++) {
        for (let c = 0; c < 3; c++) assertEquals(sum.at(a, b, c), x.at(a, 0, c) + y.at(b, 0));
      }
    }
    assert(y.sub(x).equals(x.sub(y).neg()));
  });

  it("names both shapes when they do not broadcast", () => {
    const error = assertThrows(() => counted(2, 3).mul(counted(2, 4)), TypeError);
    assertEquals(
      (error as Error).message,
      "Cannot multiply shapes [2, 3] and [2, 4]: at axis -1 they have 3 and 4 elements",
    );
  });

  it("broadcasts with empty axes", () => {
    assertEquals(Tensor.zeros([0, 3]).add(counted(3)).dims, [0, 3]);
    assertEquals(Tensor.zeros([2, 0]).mul(2).dims, [2, 0]);
  });

  it("rounds numbers to the type first and the result once, as torch does", () => {
    const x = Tensor.from([3]);
    assertEquals(x.mul(0.1).item(), Math.fround(3 * Math.fround(0.1)));
    assertEquals(Tensor.from(Float64Array.of(3)).mul(0.1).item(), 3 * 0.1);
    assertEquals(x.astype("float16").mul(0.1).item(), new Float16Array([3 * Math.fround(0.1)])[0]);
  });

  it("add, sub, mul, div, minimum, maximum and neg give each element", () => {
    const [x, y] = [Tensor.from([1, -2, 6]), Tensor.from([4, 5, -3])];
    assertEquals(x.add(y).toNested(), [5, 3, 3]);
    assertEquals(x.sub(y).toNested(), [-3, -7, 9]);
    assertEquals(x.mul(y).toNested(), [4, -10, -18]);
    assertEquals(x.div(y).toNested(), [0.25, Math.fround(-0.4), -2]);
    assertEquals(x.minimum(y).toNested(), [1, -2, -3]);
    assertEquals(x.maximum(0).toNested(), [1, 0, 6]);
    assertEquals(x.neg().toNested(), [-1, 2, -6]);
  });

  it("promotes types as torch does", () => {
    const int = Tensor.from([1n]);
    assertEquals(int.add(1).dtype, "int64");
    assertEquals(int.mul(0.5).dtype, "float32");
    assertEquals(int.div(2).dtype, "float32");
    assertEquals(int.add(Tensor.from([1])).dtype, "float32");
    assertEquals(Tensor.from([1]).add(Tensor.from(Float64Array.of(1))).dtype, "float64");
    assertEquals(Tensor.from([1]).add(Tensor.from(Float64Array.of(1), [])).dtype, "float32");
    assertEquals(Tensor.from([1]).astype("float16").add(Tensor.from([1])).dtype, "float32");
    assertEquals(Tensor.from([true]).add(Tensor.from([true])).toNested(), [1]);
  });

  it("wraps uint8 around at 256", () => {
    assertEquals(Tensor.from(Uint8Array.of(250)).add(10).item(), 4);
  });

  it("refuses what is neither a tensor nor a number", () => {
    assertThrows(() => counted(2).add("1" as unknown as number), TypeError, "Cannot add");
  });

  it("clamp(), abs(), sqrt(), exp(), log(), pow() and round() map elements", () => {
    const x = Tensor.from([-1.5, 0.5, 2.5]);
    assertEquals(x.clamp(-1, 1).toNested(), [-1, 0.5, 1]);
    assertEquals(x.abs().toNested(), [1.5, 0.5, 2.5]);
    assertEquals(x.round().toNested(), [-2, 0, 2]);
    assertEquals(x.pow(2).toNested(), [2.25, 0.25, 6.25]);
    assertEquals(Tensor.from([4n]).sqrt().toNested(), [2]);
    assertEquals(Tensor.from([0, 1]).exp().toNested(), [1, Math.fround(Math.E)]);
    assertEquals(Tensor.from([1]).log().item(), 0);
    assert(Number.isNaN(Tensor.from([NaN]).clamp(0, 1).item()));
  });
});

describe("Tensor reductions", () => {
  it("sum(), mean(), min() and max() go over all, one or several axes", () => {
    const x = counted(2, 3, 4);
    assertEquals(x.sum().item(), 276);
    assertEquals(x.sum([0, 2]).toNested(), [60, 92, 124]);
    assertEquals(x.mean(1).toNested(), [[4, 5, 6, 7], [16, 17, 18, 19]]);
    assertEquals(x.mean([1, -1], { keepDims: true }).dims, [2, 1, 1]);
    assertEquals(x.min([1, 2]).toNested(), [0, 12]);
    assertEquals(x.max(-1).toNested(), [[3, 7, 11], [15, 19, 23]]);
    assertEquals(Tensor.from([true, true, false]).sum().data, BigInt64Array.of(2n));
    assertThrows(() => Tensor.zeros([0]).max(), TypeError, "needs elements");
  });

  it("std() is the unbiased deviation by default", () => {
    const x = Tensor.from([[1, 2, 3, 4], [0, 0, 0, 8]]);
    // float32 rounding of the result.
    assertAlmostEquals(x.std(1).at(0), Math.sqrt(5 / 3), 1e-7);
    assertAlmostEquals(x.std(1).at(1), 4, 1e-7);
    assertAlmostEquals(x.std(1, { correction: 0 }).at(0), Math.sqrt(5 / 4), 1e-7);
    assert(Number.isNaN(Tensor.from([1]).std().item()));
  });

  it("argmax() gives the first of the largest", () => {
    assertEquals(Tensor.from([[1, 3, 3], [9, 0, 2]]).argmax(1).data, BigInt64Array.of(1n, 0n));
  });
});

describe("Tensor conversions", () => {
  it("astype() converts as torch does", () => {
    const x = Tensor.from([-1.7, 0, 300.2]);
    assertEquals(x.astype("int64").data, BigInt64Array.of(-1n, 0n, 300n));
    assertEquals(x.astype("int32").data, Int32Array.of(-1, 0, 300));
    assertEquals(x.astype("uint8").data, Uint8Array.of(255, 0, 44)); // around at 256
    assertEquals(x.astype("bool").data, Uint8Array.of(1, 0, 1));
    assert(x.astype("float32") === x);
    assertEquals(Tensor.from([1 / 3]).astype("float16").item(), 0.333251953125);
    assertEquals(new Tensor("float16", Uint16Array.of(0x4200), [1]).toFloat32Array()[0], 3);
  });

  it("equals() compares type, shape and elements", () => {
    const x = Tensor.from([1, NaN]);
    assert(x.equals(x.clone()));
    assert(!x.equals(x.reshape([2, 1])));
    assert(!x.equals(x.astype("float64")));
    assert(!x.equals(Tensor.from([1, 2])));
  });

  it("shows type and shape", () => {
    assertEquals(String(Tensor.zeros([1, 3, 256, 256])), "Tensor(float32, [1, 3, 256, 256])");
    assertEquals(Deno.inspect(Tensor.from([1n])), "Tensor(int64, [1])");
  });
});

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Tensor } from "@denoise/core";
import { resizeSpatial, type SpatialMode } from "./resize.ts";
import goldens from "./testdata/resize.json" with { type: "json" };

const X = Tensor.from(Array.from({ length: 12 }, (_, i) => Math.sin(i))).reshape([1, 1, 3, 4]);

describe("resizeSpatial()", () => {
  for (const { mode, height, width, values } of goldens.cases) {
    it(`gives the numbers of torch for ${mode}, ${height}x${width}`, () => {
      const { dims, data } = resizeSpatial(X, height, width, mode as SpatialMode);
      assertEquals(dims, [1, 1, height, width]);
      // rounded numbers, and sums of another order
      assert(values.every((value, i) => Math.abs(value - Number(data[i])) < 2e-6));
    });
  }
});

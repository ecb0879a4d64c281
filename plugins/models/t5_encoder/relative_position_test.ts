import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { bucketTable } from "./relative_position.ts";
import golden from "./testdata/buckets.json" with { type: "json" };

describe("bucketTable()", () => {
  for (const { buckets, distance, classes } of golden.cases) {
    it(`gives the classes of transformers for ${buckets} buckets up to ${distance}`, () => {
      const table = bucketTable({
        relative_attention_num_buckets: buckets,
        relative_attention_max_distance: distance,
      });
      // the golden goes one further on both sides, where all are in the last class
      assertEquals([table[0], ...table, table.at(-1)], classes);
    });
  }
});

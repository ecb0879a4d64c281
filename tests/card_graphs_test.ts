/**
 * The graphs that a card gets, in float32, on the CPU: the same numbers as the reference's by other
 * operators, and sizes that are followed back to the graph's input.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import type { Model, ModelClass } from "@denoise/core";
import { registry } from "@denoise/denoise/registry";
import { assertWithin, fixture, readGolden } from "./support/golden.ts";
import { compareCall, MODEL_CLASSES, type ModelGolden } from "./support/models.ts";
import { standIn } from "./support/stand_in.ts";

// as in models_test.ts: float32 on both sides, with sums in another order
const LIMIT = 1e-4;

for (const className of MODEL_CLASSES.filter((name) => registry.has(name))) {
  describe(`${className} of a card equals the reference`, () => {
    for (const { name } of Deno.readDirSync(fixture(`models/${className}`))) {
      it(name, async () => {
        const golden: ModelGolden = await readGolden(`models/${className}/${name}`);
        const Class = await registry.get(className, "model", "a test") as ModelClass;
        const options = { engine: standIn().engine, device: "cuda" } as const;
        const model: Model = await Class.fromPretrained(
          fixture(`models/${className}/${name}`),
          options,
        );
        for (const call of golden.head.cases.filter(({ dtype }) => dtype === undefined)) {
          for (const [output, far] of Object.entries(await compareCall(model, call, golden))) {
            assertWithin(far, LIMIT, `${call.name}: ${output}`);
          }
        }
        await model.dispose();
      });
    }
  });
}

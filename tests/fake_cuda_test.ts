/**
 * Every model class on onnxruntime's real CUDA provider over a fake CUDA, which computes nothing
 * (scripts/gpu/fake/build.sh makes it and says how this is run): in each precision, sessions are made, so
 * every operator has a kernel, and calls run.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assertEquals } from "@std/assert";
import type { ModelClass, TorchDtype } from "@denoise/core";
import { registry } from "@denoise/denoise/registry";
import { fixture, readGolden } from "./support/golden.ts";
import { callModel, MODEL_CLASSES, type ModelGolden } from "./support/models.ts";

const ignore = !Deno.env.has("DENOISE_FAKE_CUDA");

/** What a result of garbage may end in: sizes that are computed on the card, and numbers that are none. */
const GARBAGE = /not a number|NaN|requested shape|cannot broadcast/;

async function problems(className: string, dtype: TorchDtype): Promise<string[]> {
  const Class = await registry.get(className, "model", "a test") as ModelClass;
  const found: string[] = [];
  for (const { name } of Deno.readDirSync(fixture(`models/${className}`))) {
    const id = `models/${className}/${name}`;
    const golden: ModelGolden = await readGolden(id);
    const options = { torchDtype: dtype, device: "cuda", engine: "native" } as const;
    const model = await Class.fromPretrained(fixture(id), options);
    for (const call of golden.head.cases.filter((one) => one.dtype === undefined)) {
      const problem = await callModel(model, call, golden).then(() => "", (error) => `${error}`);
      if (problem !== "" && !GARBAGE.test(problem)) found.push(`${name}, ${call.name}: ${problem}`);
    }
    await model.dispose();
  }
  return found;
}

for (const dtype of ["float32", "float16", "bfloat16"] as const) {
  describe(`models in ${dtype} under a fake CUDA`, { ignore }, () => {
    for (const className of MODEL_CLASSES.filter((name) => registry.has(name))) {
      it(className, async () => assertEquals(await problems(className, dtype), []));
    }
  });
}

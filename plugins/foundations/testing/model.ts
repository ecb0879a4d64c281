import { rm } from "node:fs/promises";
import { DenoiseError, type Model, type ModelClass, type Tensor } from "@denoise/core";
import { check, checkThrows, type ErrorClass } from "./_check.ts";
import { emptyFolder } from "./_folder.ts";
import { register } from "./_register.ts";
import type { ConformanceTest } from "./scheduler.ts";

/** What a model is tested with. */
export interface ModelTestOptions<M extends Model> {
  /** A folder with config.json and weights of the model, small ones. */
  readonly folder: string;
  /** One call with fixed inputs; every tensor that it gives. */
  readonly call: (model: M) => Promise<Tensor | Readonly<Record<string, Tensor>>>;
  /** Calls that must be refused, with the class of the error and a part of its message. */
  readonly refuses?: readonly {
    readonly call: (model: M) => Promise<unknown>;
    readonly error: ErrorClass;
    readonly message: string;
  }[];
}

/** The tests that every model has to pass. */
export function modelTests<M extends Model>(
  ModelClass: ModelClass<M>,
  { folder, call, refuses = [] }: ModelTestOptions<M>,
): ConformanceTest[] {
  const { className } = ModelClass;
  const load = () => ModelClass.fromPretrained(folder);
  const run = async (model: M): Promise<Tensor[]> => {
    const output = await call(model);
    return "dims" in output ? [output as Tensor] : Object.values(output);
  };
  const same = (a: readonly Tensor[], b: readonly Tensor[], what: string): void =>
    check(
      a.length === b.length && a.every((tensor, i) => tensor.equals(b[i]!)),
      `${what} gave another result`,
    );
  const withModel = (fn: (model: M) => Promise<void>) => async () => {
    const model = await load();
    try {
      await fn(model);
    } finally {
      await model.dispose();
    }
  };
  const tests: Readonly<Record<string, () => Promise<void>>> = {
    "has the contract of a model class": withModel((model) => {
      check(ModelClass.kind === "model", `kind is ${ModelClass.kind}, but must be "model"`);
      check(model.className === className, `its objects say ${model.className}`);
      check(model.numParameters > 0, "numParameters must count its numbers");
      check(model.device === "cpu", `it begins on ${model.device}, but must on the CPU`);
      return Promise.resolve();
    }),
    "has a frozen config": withModel(({ config }) => {
      const key = Object.keys(config)[0]!;
      return checkThrows(
        () => (config as Record<string, unknown>)[key] = null,
        TypeError,
        "read only",
      );
    }),
    "gives the same numbers for the same inputs": withModel(async (model) => {
      same(await run(model), await run(model), "the second call");
    }),
    "gives concurrent calls what they give alone": withModel(async (model) => {
      const alone = await run(model);
      for (const result of await Promise.all([run(model), run(model), run(model)])) {
        same(result, alone, "a concurrent call");
      }
    }),
    "shares nothing between two objects": withModel(async (model) => {
      const expected = await run(model);
      const other = await load();
      await other.dispose();
      same(await run(model), expected, "a call after another object was disposed of");
    }),
    "works again after dispose()": withModel(async (model) => {
      const expected = await run(model);
      await model.dispose();
      same(await run(model), expected, "the call after dispose()");
    }),
    "savePretrained() writes what it loads again": withModel(async (model) => {
      const copy = await emptyFolder();
      try {
        await model.savePretrained(copy);
        const loaded = await ModelClass.fromPretrained(copy);
        same(await run(loaded), await run(model), "the copy");
        await loaded.dispose();
      } finally {
        await rm(copy, { recursive: true });
      }
    }),
    "says that a folder holds no model": async () => {
      const empty = await emptyFolder();
      await checkThrows(() => ModelClass.fromPretrained(empty), DenoiseError, "config.json");
      await rm(empty, { recursive: true });
    },
    "refuses what it cannot compute, and works on": withModel(async (model) => {
      for (const { call: bad, error, message } of refuses) {
        await checkThrows(() => bad(model), error, message);
      }
      await run(model);
    }),
  };
  return Object.entries(tests).map(([name, fn]) => ({ name: `${className} ${name}`, fn }));
}

/**
 * Registers the conformance suite of a model with Deno's test runner.
 *
 * @example
 * ```ts ignore
 * import { testModel } from "@denoise/testing";
 * import { randn, UNet2DModel } from "@denoise/denoise";
 *
 * const sample = randn([1, 3, 32, 32]);
 * testModel(UNet2DModel, {
 *   folder: "./tiny-unet",
 *   call: (model) => model.forward(sample, 10),
 * });
 * ```
 */
export function testModel<M extends Model>(
  ModelClass: ModelClass<M>,
  options: ModelTestOptions<M>,
): void {
  register(modelTests(ModelClass, options));
}

import { rm } from "node:fs/promises";
import {
  configValue,
  defaultsOf,
  DenoiseError,
  Generator,
  optionOf,
  type PlanRequest,
  type Scheduler,
  type SchedulerClass,
  type StepOptions,
  Tensor,
} from "@denoise/core";
import { check, checkThrows } from "./_check.ts";
import { emptyFolder } from "./_folder.ts";
import { register } from "./_register.ts";
import {
  type ConvergenceOptions,
  distributionError,
  type DistributionOptions,
  measuredOrder,
} from "./gaussian.ts";

/** What a scheduler is tested with, where the usual does not fit it. */
export interface SchedulerTestOptions<C extends object> {
  /** The config that it is tested in. */
  readonly config?: Partial<C>;
  /** Number of steps of a run. Defaults to 6. */
  readonly steps?: number;
  /** Options of `setTimesteps`, such as `{ mu: 1 }`. */
  readonly planOptions?: PlanRequest;
  /** Options of `step`. */
  readonly stepOptions?: object;
  /** The first sample. Defaults to normal noise of shape [2, 3, 4, 4]. */
  readonly sample?: Tensor;
  /** The model. Defaults to a fixed formula. */
  readonly model?: (sample: Tensor, timestep: number) => Tensor;
  /** Configs that contradict themselves, with a part of the message they are refused with. */
  readonly refuses?: readonly {
    readonly config: Partial<C>;
    readonly steps?: number;
    readonly message: string;
  }[];
  /** The order that the method claims and how it is measured, in one config or several. */
  readonly convergence?: ClaimedOrder<C> | readonly ClaimedOrder<C>[];
  /** For a stochastic method: samples of Gaussian data have the right standard deviation. */
  readonly distribution?: DistributionOptions & {
    /** Largest relative error of the standard deviation. */
    readonly tolerance: number;
    /** The config that it is measured in. */
    readonly config?: Partial<C>;
  };
}

/** The order that a method claims and how it is measured on Gaussian data. */
export interface ClaimedOrder<C extends object> extends ConvergenceOptions {
  /** The order. */
  readonly order: number;
  /** How far the measured order may be from it. Defaults to 0.25. */
  readonly tolerance?: number;
  /** The config that it is measured in. */
  readonly config?: Partial<C>;
}

/** One test of the suite, for runners other than Deno's. */
export interface ConformanceTest {
  /** The symbol and the behaviour. */
  readonly name: string;
  /** Runs it; throws where the behaviour is another one. */
  readonly fn: () => void | Promise<void>;
}

/** Steps of a run, taken one by one. */
interface Run {
  readonly scheduler: Scheduler;
  sample: Tensor;
  next(): boolean;
}

function defaultModel(sample: Tensor, timestep: number): Tensor {
  return sample.mul(0.3 + timestep / 2000).add(0.1);
}

function showConfig(config: object): string {
  return Object.keys(config).length === 0 ? "" : ` with ${JSON.stringify(config)}`;
}

/** The tests that every scheduler has to pass. */
export function schedulerTests<C extends object, O extends object>(
  SchedulerClass: SchedulerClass<C, O>,
  options: SchedulerTestOptions<C> = {},
): ConformanceTest[] {
  const { config = {}, steps = 6, planOptions = {}, model = defaultModel } = options;
  const first = options.sample ?? Generator.manualSeed(1).randn([2, 3, 4, 4]);
  const create = (): Scheduler => new SchedulerClass(config) as Scheduler;
  const { className, schema } = SchedulerClass;
  const defaults = defaultsOf(schema);
  const { num_train_timesteps: trained } = defaults as { num_train_timesteps?: number };
  const tests: ConformanceTest[] = [];
  const test = (name: string, fn: () => void | Promise<void>): void => {
    tests.push({ name: `${className} ${name}`, fn });
  };

  const stepOnce = (scheduler: Scheduler, index: number, sample: Tensor, more: StepOptions) => {
    const timestep = scheduler.timesteps[index]!;
    const output = model(scheduler.scaleModelInput(sample, timestep), timestep);
    return scheduler.step(output, timestep, sample, { ...options.stepOptions, ...more });
  };
  const start = (scheduler: Scheduler, seed: number): Run => {
    scheduler.setTimesteps(steps, planOptions);
    const generator = Generator.manualSeed(seed);
    let index = 0;
    const run: Run = {
      scheduler,
      sample: first.dtype === "int64" ? first : first.mul(scheduler.initNoiseSigma),
      next: () => {
        if (index === scheduler.timesteps.length) return false;
        run.sample = stepOnce(scheduler, index++, run.sample, { generator }).prevSample;
        return true;
      },
    };
    return run;
  };
  const finish = (run: Run): Tensor => {
    while (run.next()) { /* to the end */ }
    return run.sample;
  };
  const same = (a: Tensor, b: Tensor, what: string): void =>
    check(a.equals(b), `${what} gave another result`);

  test("has the contract of a scheduler class", () => {
    const scheduler = create();
    check(SchedulerClass.kind === "scheduler", `kind is ${SchedulerClass.kind}`);
    check(scheduler.className === className, `an object says that it is ${scheduler.className}`);
    check(scheduler.config["_class_name"] === className, "the config names another class");
    check(String(scheduler).startsWith(`${className} {`), "toString does not begin with the class");
    check(scheduler.timesteps.length > 0, "there are no timesteps before setTimesteps");
    check(Number.isInteger(scheduler.order) && scheduler.order > 0, `order is ${scheduler.order}`);
  });

  test("has a config that cannot be written to", async () => {
    const { config: frozen } = create() as { config: Record<string, unknown> };
    const key = Object.keys(schema)[0] ?? "_class_name";
    await checkThrows(() => frozen[key] = 1, TypeError, key);
    await checkThrows(() => frozen["other"] = 1, TypeError, "other");
  });

  test("saves a config that it loads again, foreign keys included", async () => {
    const folder = await emptyFolder();
    try {
      const scheduler = SchedulerClass.fromConfig({ ...config, foreign_key: [1, "two"] });
      await scheduler.savePretrained(folder);
      const loaded = await SchedulerClass.fromPretrained(folder);
      check(
        String(loaded) === String(scheduler),
        `it was ${scheduler}and is ${loaded}after loading`,
      );
      check(String(loaded).includes("foreign_key"), "the foreign key is gone");
      same(
        finish(start(loaded as Scheduler, 1)),
        finish(start(create(), 1)),
        "the loaded scheduler",
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("drops what another config had only by default", () => {
    const key = Object.keys(schema).find((name) => !(name in config));
    if (key === undefined) return;
    const other = { ...config, [key]: "of another class", _use_default_values: [key] };
    const value = configValue(SchedulerClass.fromConfig(other).config, key);
    check(
      JSON.stringify(value) === JSON.stringify(defaults[key as keyof C] ?? null),
      `${key} became ${JSON.stringify(value)}`,
    );
  });

  test("gives the same for the same seed, again and in another object", () => {
    const scheduler = create();
    const once = finish(start(scheduler, 7));
    check(
      once.toFloat32Array().every(Number.isFinite),
      "the run ends in numbers that are not finite",
    );
    same(finish(start(scheduler, 7)), once, "a second run");
    same(finish(start(create(), 7)), once, "another object");
    same(finish(start(scheduler.clone(), 7)), once, "a clone");
  });

  test("shares no state between runs that take turns", () => {
    const alone = [1, 2].map((seed) => finish(start(create(), seed)));
    const original = create();
    const runs = [start(original, 1), start(original.clone(), 2)];
    for (let going = true; going;) going = runs.map((run) => run.next()).some(Boolean);
    runs.forEach((run, i) => same(run.sample, alone[i]!, `run ${i} beside the other`));
  });

  test("step() leaves its arguments as they are", () => {
    const run = start(create(), 1);
    while (true) {
      const before = run.sample;
      const kept = before.clone();
      if (!run.next()) break;
      same(before, kept, "reading the sample after step()");
    }
  });

  test("step() treats each image of a batch as if it were alone", () => {
    if ((first.dims[0] ?? 1) < 2) return;
    const count = first.dims[0]!;
    const trajectory = (sample: Tensor, seeds: readonly number[]): Tensor => {
      const scheduler = create();
      scheduler.setTimesteps(steps, planOptions);
      const generator = seeds.map((seed) => Generator.manualSeed(seed));
      let x = sample.dtype === "int64" ? sample : sample.mul(scheduler.initNoiseSigma);
      scheduler.timesteps.forEach((_, i) => {
        x = stepOnce(scheduler, i, x, { generator }).prevSample;
      });
      return x;
    };
    const seeds = Array.from({ length: count }, (_, i) => 10 + i);
    const together = trajectory(first, seeds);
    seeds.forEach((seed, i) => {
      const alone = trajectory(first.slice(0, i, i + 1), [seed]);
      same(together.slice(0, i, i + 1), alone, `image ${i} of ${count}`);
    });
  });

  test("step() and addNoise() keep float16", () => {
    const given = Object.values(options.stepOptions ?? {});
    if (first.dtype !== "float32" || given.some((value) => value instanceof Tensor)) return;
    const scheduler = create();
    const run = start(scheduler, 1);
    run.sample = run.sample.astype("float16");
    run.next();
    check(run.sample.dtype === "float16", `the sample became ${run.sample.dtype}`);
    const half = first.astype("float16");
    try {
      const noisy = scheduler.addNoise(half, half, [scheduler.timesteps[0]!]);
      check(noisy.dtype === "float16", `the noisy sample became ${noisy.dtype}`);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it adds none
    }
  });

  test("begins in the middle with setBeginIndex()", async () => {
    const scheduler = create();
    scheduler.setTimesteps(steps, planOptions);
    const begin = scheduler.order;
    if (begin >= scheduler.timesteps.length) return;
    scheduler.setBeginIndex(begin);
    stepOnce(scheduler, begin, first, { generator: Generator.manualSeed(1) });
    check(scheduler.stepIndex === begin + 1, `the next step is ${scheduler.stepIndex}`);
    await checkThrows(() => scheduler.setBeginIndex(-1), RangeError, "-1");
    await checkThrows(
      () => scheduler.setBeginIndex(scheduler.timesteps.length),
      RangeError,
      "steps",
    );
  });

  test("setTimesteps() refuses numbers of steps that cannot be, and stays as it was", async () => {
    const expected = finish(start(create(), 3));
    const scheduler = create();
    const run = start(scheduler, 3);
    run.next();
    const bad = [0, -1, 2.5, NaN, ...(trained === undefined ? [] : [trained + 1])];
    for (const count of bad) {
      await checkThrows(
        () => scheduler.setTimesteps(count, planOptions),
        RangeError,
        String(count),
      );
    }
    await checkThrows(() => scheduler.setTimesteps(undefined), TypeError, "numInferenceSteps");
    await checkThrows(
      () => scheduler.setTimesteps(steps, { ...planOptions, numberOfSteps: 3 }),
      TypeError,
      "numberOfSteps",
    );
    same(finish(run), expected, "the run after the errors");
  });

  for (const option of ["timesteps", "sigmas"]) {
    if (!create().takesPlanOption(option)) continue;
    test(`setTimesteps() refuses ${option} that do not fall`, async () => {
      const scheduler = create();
      for (const values of [[3, 5, 1], [5, 5, 1]]) {
        const request = { ...planOptions, [option]: values };
        await checkThrows(() => scheduler.setTimesteps(undefined, request), RangeError, "5");
      }
      const empty = { ...planOptions, [option]: [] };
      await checkThrows(() => scheduler.setTimesteps(undefined, empty), RangeError, option);
      same(finish(start(scheduler, 1)), finish(start(create(), 1)), "the run after the errors");
    });
  }

  test("step() refuses broken model outputs and stays as it was", async () => {
    const expected = finish(start(create(), 4));
    const run = start(create(), 4);
    run.next();
    const { scheduler, sample } = run;
    const timestep = scheduler.timesteps[1] ?? scheduler.timesteps[0]!;
    const output = model(sample, timestep);
    const broken = output.map((value, i) => (i === 1 ? NaN : value));
    await checkThrows(
      () => scheduler.step(broken, timestep, sample, options.stepOptions),
      DenoiseError,
      "NaN",
    );
    await checkThrows(
      () => scheduler.step(output.slice(-1, 0, 1), timestep, sample, options.stepOptions),
      TypeError,
      "shape",
    );
    await checkThrows(
      () => scheduler.step(output, 123456, sample, options.stepOptions),
      RangeError,
      "123456",
    );
    same(finish(run), expected, "the run after the errors");
  });

  test("step() says when the run is over", async () => {
    const run = start(create(), 1);
    const last = run.scheduler.timesteps.at(-1)!;
    const sample = finish(run);
    if (run.scheduler.stepIndex !== run.scheduler.timesteps.length) return;
    if (SchedulerClass.cursor === "timestep") return;
    const output = model(sample, last);
    await checkThrows(
      () => run.scheduler.step(output, last, sample, options.stepOptions),
      RangeError,
      "over",
    );
  });

  test("step() needs a plan", async () => {
    const scheduler = create();
    if (SchedulerClass.stepsUnplanned) return;
    await checkThrows(
      () => scheduler.step(model(first, 1), scheduler.timesteps[0]!, first, options.stepOptions),
      TypeError,
      "setTimesteps",
    );
  });

  test("refuses options of the wrong type, unknown values and unknown names", async () => {
    for (const [key, value] of Object.entries(defaults)) {
      if (value === null) continue;
      const wrong = typeof value === "number" ? "many" : 12.5;
      const bad = { [key]: wrong } as Partial<C>;
      await checkThrows(() => new SchedulerClass(bad), TypeError, key);
    }
    for (const [key, entry] of Object.entries(schema)) {
      const { choices } = optionOf(entry);
      if (choices === undefined) continue;
      const isNumber = typeof choices[0] === "number";
      const bad = { [key]: isNumber ? -1.5 : "no such value" } as unknown as Partial<C>;
      await checkThrows(() => new SchedulerClass(bad), RangeError, key);
    }
    await checkThrows(
      () => new SchedulerClass({ beta: 1 } as unknown as Partial<C>),
      TypeError,
      "beta",
    );
    for (const { config: refused, steps: count = steps, message } of options.refuses ?? []) {
      const plan = () => new SchedulerClass(refused).setTimesteps(count, planOptions);
      await checkThrows(plan, Error, message);
    }
  });

  const claims = [options.convergence ?? []].flat() as readonly ClaimedOrder<C>[];
  for (const { order, tolerance = 0.25, config: own = config, ...how } of claims) {
    test(`converges with order ${order} on Gaussian data${showConfig(own)}`, () => {
      const measured = measuredOrder(() => new SchedulerClass(own) as Scheduler, how);
      check(
        Math.abs(measured - order) <= tolerance,
        `measured order ${measured.toFixed(2)}, claimed ${order} within ${tolerance}`,
      );
    });
  }
  const { distribution } = options;
  if (distribution !== undefined) {
    test("keeps the distribution of Gaussian data", () => {
      const scheduler = new SchedulerClass(distribution.config ?? config) as Scheduler;
      const error = distributionError(scheduler, distribution);
      check(
        error <= distribution.tolerance,
        `the standard deviation is off by ${error.toFixed(4)}, more than ${distribution.tolerance}`,
      );
    });
  }
  return tests;
}

/**
 * Registers the conformance suite for a scheduler with `Deno.test`.
 *
 * @example
 * ```ts ignore
 * import { testScheduler } from "@denoise/testing";
 * import { EulerDiscreteScheduler } from "@denoise/scheduler-euler-discrete";
 *
 * testScheduler(EulerDiscreteScheduler, { convergence: { order: 1, steps: [20, 40, 80] } });
 * ```
 */
export function testScheduler<C extends object, O extends object>(
  SchedulerClass: SchedulerClass<C, O>,
  options: SchedulerTestOptions<C> = {},
): void {
  register(schedulerTests(SchedulerClass, options));
}

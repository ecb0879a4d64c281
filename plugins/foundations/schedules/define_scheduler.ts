import { mkdir, writeFile } from "node:fs/promises";
import {
  adoptConfig,
  type CallOption,
  checkOptions,
  type ChurnedSample,
  type ComponentLocation,
  DenoiseError,
  describeConfig,
  type FrozenConfig,
  joinPath,
  type LoadOptions,
  locateComponent,
  type PlanRequest,
  randnTensor,
  readConfig,
  type Registry,
  type Scheduler,
  type SchedulerClass,
  type SchedulerPlan,
  type StepOptions,
  type StepOutput,
  type Tensor,
} from "@denoise/core";
import type { SchedulerDefinition, SchedulerMethod } from "./definition.ts";

const CONFIG_NAME = "scheduler_config.json";

function checkFinite(output: Tensor, className: string): void {
  if (output.dtype === "int64") return;
  const data = output.toFloat32Array();
  for (let i = 0; i < data.length; i++) {
    if (Number.isFinite(data[i])) continue;
    throw new DenoiseError(
      "nan_output",
      `Cannot step ${className}: the model output holds ${data[i]} at position ${i}; the model ` +
        `or its input is broken (weights in float16 overflow now and then: use float32)`,
    );
  }
}

/** The entries of a config that have those names. */
function pick<C extends object>(
  config: FrozenConfig<C>,
  names: readonly string[],
): FrozenConfig<C> {
  const entries = Object.entries(config).filter(([name]) => names.includes(name));
  return Object.freeze(Object.fromEntries(entries)) as FrozenConfig<C>;
}

/** A part of a method that not every scheduler has. */
function has<T>(part: T | undefined, problem: string): T {
  if (part === undefined) throw new TypeError(problem);
  return part;
}

/** Refuses options that are not among the known ones, and numbers that are none. */
function checkNames(what: string, options: object, known: readonly string[]): void {
  checkOptions(what, options, Object.fromEntries(known.map((name) => [name, ANY])));
  const nan = Object.entries(options).find(([_, value]) => Number.isNaN(value));
  if (nan !== undefined) throw new RangeError(`Cannot ${what} with ${nan[0]} NaN: give a number`);
}

/** An option that is checked by whoever takes it. */
const ANY: CallOption = { type: "any" };

function checkPlan(
  className: string,
  request: PlanRequest,
  trained: number,
  together: boolean,
): void {
  const { numInferenceSteps: steps, timesteps, sigmas } = request;
  const given = Object.entries({ numInferenceSteps: steps, timesteps, sigmas })
    .filter(([, value]) => value !== undefined && value !== null);
  if (given.length === 0) {
    throw new TypeError(
      `Cannot plan ${className}: give numInferenceSteps, an integer from 1 to ${trained}`,
    );
  }
  if (given.length > 1 && !together) {
    throw new TypeError(
      `Cannot plan ${className}: give only one of ${given.map(([name]) => name).join(" and ")}`,
    );
  }
  if (steps !== undefined && (!Number.isInteger(steps) || steps < 1 || steps > trained)) {
    throw new RangeError(
      `Cannot plan ${steps} steps of ${className}: steps must be an integer from 1 to ${trained}`,
    );
  }
  for (const [name, values] of Object.entries({ timesteps, sigmas })) {
    if (values === undefined) continue;
    if (values.length === 0 || !values.every(Number.isFinite)) {
      throw new RangeError(`Cannot plan ${className}: ${name} must be a list of numbers`);
    }
    const rise = values.findIndex((value, i) => i > 0 && value >= values[i - 1]!);
    if (rise > 0) {
      throw new RangeError(
        `Cannot plan ${className}: ${name} must fall, but ${values[rise]} follows ` +
          `${values[rise - 1]} at position ${rise}`,
      );
    }
  }
}

function checkDims(className: string, wanted: readonly number[], output: Tensor): void {
  const { dims } = output;
  if (dims.length === wanted.length && dims.every((dim, axis) => dim === wanted[axis])) return;
  throw new TypeError(
    `Cannot step ${className}: the model output must have shape [${wanted.join(", ")}], ` +
      `but has [${dims.join(", ")}]`,
  );
}

function checkTimesteps(what: string, timesteps: readonly number[], original: Tensor): void {
  if (timesteps.length === 1 || timesteps.length === original.dims[0]) return;
  throw new TypeError(
    `Cannot ${what}: give one timestep for all samples or one for each of the ` +
      `${original.dims[0]}, but there are ${timesteps.length}`,
  );
}

/**
 * Makes the scheduler class that users of diffusers know from pure functions.
 *
 * @example Euler's method on dx/dσ = (x − x0)/σ
 * ```ts
 * import { number, Tensor } from "@denoise/core";
 * import { defineScheduler } from "@denoise/schedules";
 * import { assertEquals } from "@std/assert";
 *
 * const HalvingScheduler = defineScheduler({
 *   className: "HalvingScheduler",
 *   schema: { num_train_timesteps: number(8) },
 *   create: (config) => ({
 *     training: { timesteps: [...Array(config.num_train_timesteps).keys()].reverse() },
 *     plan: ({ numInferenceSteps }) => ({
 *       timesteps: [...Array(numInferenceSteps as number).keys()].reverse(),
 *     }),
 *     step: (_plan, { sample, output }) => ({ sample: sample.sub(output).mul(0.5) }),
 *   }),
 * });
 *
 * const scheduler = new HalvingScheduler();
 * scheduler.setTimesteps(2);
 * const { prevSample } = scheduler.step(Tensor.from([0, 0]), 1, Tensor.from([2, 4]));
 * assertEquals(prevSample.toNested(), [1, 2]);
 * ```
 */
export function defineScheduler<
  C extends object,
  P extends SchedulerPlan = SchedulerPlan,
  S = undefined,
  O extends object = object,
>(definition: SchedulerDefinition<C, P, S, O>): SchedulerClass<C, O> {
  return schedulerClass(definition, undefined);
}

function schedulerClass<C extends object, P extends SchedulerPlan, S, O extends object>(
  definition: SchedulerDefinition<C, P, S, O>,
  bound: Registry | undefined,
): SchedulerClass<C, O> {
  const { className, schema, cursor = "index", stepsUnplanned = false } = definition;
  const optionNames = [...Object.keys(schema), ...definition.foreignOptions ?? []];
  const planOptions = ["numInferenceSteps", ...definition.planOptions ?? []];
  const stepOptions = ["generator", ...definition.stepOptions ?? []];

  class DefinedScheduler implements Scheduler<C, O> {
    static readonly kind = "scheduler" as const;
    static readonly className = className;
    static readonly schema = schema;
    static readonly cursor = cursor;
    static readonly stepsUnplanned = stepsUnplanned;
    readonly className = className;
    readonly order = definition.order ?? 1;
    readonly compatibles = definition.compatibles ?? [];
    readonly config: FrozenConfig<C>;
    readonly #method: SchedulerMethod<P, S, O>;
    #plan: P;
    #steps: number | undefined;
    #next: number | undefined;
    #begin: number | undefined;
    #state: S | undefined;

    constructor(options: Partial<C> = {}, config = adoptConfig(className, schema, {}, options)) {
      this.config = config;
      this.#method = definition.create(pick(config, optionNames));
      this.#plan = this.#method.training;
    }

    static fromConfig(config: object, overrides: Partial<C> = {}): DefinedScheduler {
      return new DefinedScheduler({}, adoptConfig(className, schema, config, overrides));
    }

    static async fromPretrained(
      id: string | URL,
      options: LoadOptions & { readonly subfolder?: string } = {},
    ): Promise<DefinedScheduler> {
      return await DefinedScheduler.load(await locateComponent(id, options, bound, false));
    }

    static async load(location: ComponentLocation): Promise<DefinedScheduler> {
      return DefinedScheduler.fromConfig(await readConfig(joinPath(location.path, CONFIG_NAME)));
    }

    static using(registry: Registry): SchedulerClass<C, O> {
      return schedulerClass(definition, registry);
    }

    get plan(): P {
      return this.#plan;
    }

    get timesteps(): readonly number[] {
      return this.#plan.timesteps;
    }

    get sigmas(): readonly number[] | undefined {
      return this.#plan.sigmas;
    }

    get initNoiseSigma(): number {
      return this.#plan.initNoiseSigma ?? 1;
    }

    get numInferenceSteps(): number | undefined {
      return this.#steps;
    }

    get stepIndex(): number | undefined {
      return this.#next;
    }

    setTimesteps(numInferenceSteps: number | undefined, options: PlanRequest = {}): void {
      const request = { ...options, numInferenceSteps };
      const trained = (this.config as { num_train_timesteps?: number }).num_train_timesteps;
      checkNames(`plan ${className}`, request, planOptions);
      checkPlan(className, request, trained ?? Infinity, definition.plansTogether ?? false);
      this.#plan = this.#method.plan(request);
      this.#steps = numInferenceSteps ?? this.#plan.timesteps.length;
      this.#next = this.#begin = this.#state = undefined;
    }

    setBeginIndex(index: number): void {
      if (!Number.isInteger(index) || index < 0 || index >= this.timesteps.length) {
        throw new RangeError(
          `Cannot begin ${className} at step ${index}: the plan has steps 0 to ` +
            `${this.timesteps.length - 1}`,
        );
      }
      this.#begin = index;
    }

    scaleModelInput(sample: Tensor, timestep: number): Tensor {
      if (this.#method.scaleModelInput === undefined) return sample;
      return this.#method.scaleModelInput(this.#plan, this.#indexOf(timestep), sample);
    }

    step(
      output: Tensor,
      timestep: number,
      sample: Tensor,
      options: StepOptions & O = {} as StepOptions & O,
    ): StepOutput {
      checkNames(`step ${className}`, options, stepOptions);
      if (this.#steps === undefined && !stepsUnplanned) {
        throw new TypeError(`Cannot step ${className}: call setTimesteps(numInferenceSteps) first`);
      }
      const index = this.#indexOf(timestep);
      this.#checkOutput(output, sample);
      const result = this.#method.step(this.#plan, {
        index,
        timestep,
        sample,
        output,
        state: this.#state,
        noise: (dims = sample.dims) =>
          randnTensor(dims, options.generator, output.dtype === "float16" ? "float16" : "float32"),
        options,
      });
      this.#state = result.state;
      this.#next = index + 1;
      return {
        prevSample: result.sample,
        predOriginalSample: result.denoised,
        prevSampleMean: result.mean,
      };
    }

    addNoiseToInput(sample: Tensor, timestep: number, options: StepOptions = {}): ChurnedSample {
      checkNames(`add noise to an input of ${className}`, options, ["generator"]);
      const churn = has(
        this.#method.churn,
        `Cannot add noise to an input: ${className} takes samples as they are`,
      );
      const index = this.#indexOf(timestep);
      const noise = (dims = sample.dims) => randnTensor(dims, options.generator);
      return churn(this.#plan, { index, sample, noise });
    }

    stepCorrect(output: Tensor, sample: Tensor, options: StepOptions & Partial<O> = {}): Tensor {
      checkNames(`correct a sample of ${className}`, options, stepOptions);
      const correct = has(
        this.#method.correct,
        `Cannot correct a sample: ${className} defines no corrector`,
      );
      this.#checkOutput(output, sample);
      return correct(this.#plan, {
        sample,
        output,
        state: this.#state,
        noise: (dims = sample.dims) => randnTensor(dims, options.generator),
        options: options as O,
      });
    }

    undoStep(sample: Tensor, timestep: number, options: StepOptions & Partial<O> = {}): Tensor {
      checkNames(`undo a step of ${className}`, options, stepOptions);
      const undo = has(this.#method.undo, `Cannot undo a step: ${className} goes one way only`);
      this.#lookUp(timestep, 0);
      return undo(this.#plan, {
        timestep,
        sample,
        noise: (dims = sample.dims) => randnTensor(dims, options.generator),
        options: options as O,
      });
    }

    batchStepNoNoise(
      output: Tensor,
      timesteps: readonly number[],
      sample: Tensor,
      options: Partial<O> = {},
    ): Tensor {
      checkNames(`step ${className}`, options, stepOptions);
      const batchStep = has(
        this.#method.batchStep,
        `Cannot step in parallel: ${className} steps one after the other`,
      );
      if (timesteps.length !== sample.dims[0]) {
        throw new TypeError(
          `Cannot step ${className}: there are ${timesteps.length} timesteps for ` +
            `${sample.dims[0]} samples; give one for each`,
        );
      }
      this.#checkOutput(output, sample);
      return batchStep(this.#plan, {
        timesteps,
        sample,
        output,
        options: options as O,
      });
    }

    addNoise(original: Tensor, noise: Tensor, timesteps: readonly number[]): Tensor {
      const addNoise = has(
        this.#method.addNoise,
        `Cannot add noise: ${className} defines no forward process`,
      );
      checkTimesteps("add noise", timesteps, original);
      const index = this.#begin === undefined ? undefined : this.#next ?? this.#begin;
      return addNoise(this.#plan, original, noise, timesteps, index);
    }

    getVelocity(sample: Tensor, noise: Tensor, timesteps: readonly number[]): Tensor {
      const getVelocity = has(
        this.#method.getVelocity,
        `Cannot give a velocity: ${className} defines none`,
      );
      checkTimesteps("give a velocity", timesteps, sample);
      return getVelocity(this.#plan, sample, noise, timesteps);
    }

    takesStepOption(name: string): boolean {
      return name !== "generator" && stepOptions.includes(name);
    }

    takesPlanOption(name: string): boolean {
      return name !== "numInferenceSteps" && planOptions.includes(name);
    }

    clone(): DefinedScheduler {
      return new DefinedScheduler({}, this.config);
    }

    async savePretrained(folder: string): Promise<void> {
      await mkdir(folder, { recursive: true });
      await writeFile(
        joinPath(folder, CONFIG_NAME),
        describeConfig(className, this.config),
      );
    }

    toString(): string {
      return `${className} ${describeConfig(className, this.config)}`;
    }

    [Symbol.for("nodejs.util.inspect.custom")](): string {
      return this.toString();
    }

    #checkOutput(output: Tensor, sample: Tensor): void {
      const options = pick(this.config, optionNames);
      const dims = definition.outputDims?.(options, sample.dims, output.dims) ?? sample.dims;
      checkDims(className, dims, output);
      checkFinite(output, className);
    }

    #indexOf(timestep: number): number {
      const { timesteps } = this.#plan;
      if (cursor === "timestep") return this.#lookUp(timestep, 0);
      const next = this.#next ?? this.#begin ?? this.#firstPlace(timestep);
      if (timesteps[next] === timestep) return next;
      throw new RangeError(
        next >= timesteps.length
          ? `Cannot step ${className} at timestep ${timestep}: the run of ${timesteps.length} ` +
            `steps is over; call setTimesteps to start another`
          : `Cannot step ${className} at timestep ${timestep}: step ${next} of the run is at ` +
            `timestep ${timesteps[next]}; call setTimesteps to start again`,
      );
    }

    /**
     * Where a run begins without `setBeginIndex`. Of equal timesteps it is the second,
     * as in diffusers, since a run that begins in the middle must not skip a sigma; but where the
     * plan begins with equal ones it is the first: diffusers then runs out of sigmas at the end.
     */
    #firstPlace(timestep: number): number {
      return this.#plan.timesteps[0] === timestep ? 0 : this.#lookUp(timestep, 1);
    }

    /** The place of a timestep; of several equal ones, that many are skipped if they are there. */
    #lookUp(timestep: number, skip: number): number {
      const { timesteps } = this.#plan;
      const places = [...timesteps.keys()].filter((i) => timesteps[i] === timestep);
      const place = places[Math.min(skip, places.length - 1)];
      if (place !== undefined) return place;
      throw new RangeError(
        `Cannot find timestep ${timestep} in the plan of ${className}: it has ` +
          `${timesteps.length} timesteps from ${timesteps[0]} to ${timesteps.at(-1)}`,
      );
    }
  }
  return DefinedScheduler as unknown as SchedulerClass<C, O>;
}

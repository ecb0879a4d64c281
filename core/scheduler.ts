import type { FrozenConfig } from "./config.ts";
import type { ConfigSchema } from "./config_options.ts";
import type { LoadOptions } from "./loading.ts";
import type { Bindable, PluginClass } from "./plugin.ts";
import type { GeneratorInput } from "./random.ts";
import type { Tensor } from "./tensor.ts";

/** A planned run: the timesteps a model is called with, and what belongs to them. */
export interface SchedulerPlan {
  /** One for each model call, in the order of the calls. */
  readonly timesteps: readonly number[];
  /** Standard deviations of the noise, usually one more than steps; absent where there are none. */
  readonly sigmas?: readonly number[] | undefined;
  /** What the first noise is multiplied with. Defaults to 1. */
  readonly initNoiseSigma?: number | undefined;
}

/** What a plan is made for. */
export interface PlanRequest {
  /** Number of steps, an integer from 1 to the trained number. */
  readonly numInferenceSteps?: number | undefined;
  /** Own timesteps, falling, instead of a number. */
  readonly timesteps?: readonly number[] | undefined;
  /** Own sigmas, falling, instead of a number. */
  readonly sigmas?: readonly number[] | undefined;
  /** Shift of the sigmas for the size of the image (dynamic shifting of flow schedulers). */
  readonly mu?: number | undefined;
  /** Options that only some schedulers know, under diffusers' names in camelCase. */
  readonly [option: string]: unknown;
}

/** What a method gets for one step. */
export interface StepInput<S, O extends object = object> {
  /** The position in the plan. */
  readonly index: number;
  /** The timestep the model was called with. */
  readonly timestep: number;
  /** The noisy sample, any shape whose first axis is the batch. */
  readonly sample: Tensor;
  /** What the model gave for it, same shape. */
  readonly output: Tensor;
  /** What the step before returned as `state`; undefined at the first. */
  readonly state: S | undefined;
  /**
   * Draws standard normal noise of the sample's shape, or another, from the run's generator: float16
   * where the output is, float32 otherwise.
   */
  readonly noise: (dims?: readonly number[]) => Tensor;
  /** Options of this step, such as `eta`. */
  readonly options: O;
}

/** What a method returns for one step. */
export interface StepResult<S> {
  /** The less noisy sample. */
  readonly sample: Tensor;
  /** The clean sample as predicted at this step. */
  readonly denoised?: Tensor | undefined;
  /** The less noisy sample before noise was added to it, by methods that end with it. */
  readonly mean?: Tensor | undefined;
  /** What the next step has to know. */
  readonly state?: S | undefined;
}

/** A sample that was made noisier. */
export interface ChurnedSample {
  /** The noisier sample. */
  readonly sample: Tensor;
  /** The standard deviation of the noise that it now has. */
  readonly sigma: number;
}

/** What a method gets for steps at several timesteps. */
export interface BatchStepInput<O extends object = object> {
  /** One for each sample. */
  readonly timesteps: readonly number[];
  /** The noisy samples. */
  readonly sample: Tensor;
  /** What the model gave for them. */
  readonly output: Tensor;
  /** Options of the steps. */
  readonly options: O;
}

/** The mathematics of a scheduler with its config filled in: pure functions. */
export interface SchedulerMethod<
  P extends SchedulerPlan = SchedulerPlan,
  S = undefined,
  O extends object = object,
> {
  /** The plan before `setTimesteps`: every trained timestep. */
  readonly training: P;
  /** Makes the plan of a run. */
  plan(request: PlanRequest): P;
  /** One step. */
  step(plan: P, input: StepInput<S, O>): StepResult<S>;
  /** A sample made noisier before the model sees it. */
  churn?(plan: P, input: Pick<StepInput<never>, "index" | "sample" | "noise">): ChurnedSample;
  /**
   * A sample moved closer to what is likely at its noise level, which stays the same; `state` is what
   * the last step returned.
   */
  correct?(plan: P, input: Omit<StepInput<S, O>, "index" | "timestep">): Tensor;
  /** A step back: a sample at the timestep made as noisy as the one before it in the plan was. */
  undo?(plan: P, input: Omit<StepInput<never, O>, "index" | "output" | "state">): Tensor;
  /** Steps of several samples at timesteps of their own, without the noise that `step` adds. */
  batchStep?(plan: P, input: BatchStepInput<O>): Tensor;
  /** What the model has to be given for a sample. Defaults to the sample itself. */
  scaleModelInput?(plan: P, index: number, sample: Tensor): Tensor;
  /**
   * Noise added to clean samples at the given timesteps, one for each sample or one for all.
   *
   * @param index The position in the plan that counts instead, when a begin index is set.
   */
  addNoise?(
    plan: P,
    original: Tensor,
    noise: Tensor,
    timesteps: readonly number[],
    index?: number,
  ): Tensor;
  /** The velocity that a v-prediction model is trained towards. */
  getVelocity?(plan: P, sample: Tensor, noise: Tensor, timesteps: readonly number[]): Tensor;
}

/** What the author of a scheduler plugin writes. */
export interface SchedulerDefinition<
  C extends object,
  P extends SchedulerPlan = SchedulerPlan,
  S = undefined,
  O extends object = object,
> {
  /** The class name that scheduler_config.json carries. */
  readonly className: string;
  /** Options, their defaults and allowed values. */
  readonly schema: ConfigSchema<C>;
  /**
   * Options of sibling classes that it goes by where a config carries them along; of all others
   * `create` sees nothing.
   */
  readonly foreignOptions?: readonly string[] | undefined;
  /** Class names whose configs it can take over; see {@linkcode Scheduler.compatibles}. */
  readonly compatibles?: readonly string[] | undefined;
  /** Model calls that one step costs. Defaults to 1. */
  readonly order?: number | undefined;
  /** Options that `step` takes beside the generator, such as `["eta"]`. */
  readonly stepOptions?: readonly (keyof O & string)[] | undefined;
  /** Options that `setTimesteps` takes beside the number of steps, such as `["timesteps"]`. */
  readonly planOptions?: readonly string[] | undefined;
  /**
   * How a step finds its place in the plan. `"index"`: it counts on from the first call, as
   * methods with a memory need; `"timestep"`: by the timestep alone, so that steps can be taken in
   * any order.
   */
  readonly cursor?: "index" | "timestep" | undefined;
  /** Whether `step` works before `setTimesteps`, along every trained timestep; false else. */
  readonly stepsUnplanned?: boolean | undefined;
  /** Whether numbers, timesteps and sigmas may be given together for a plan; false else. */
  readonly plansTogether?: boolean | undefined;
  /**
   * The shape of the model output for a sample, where it is not the sample's own.
   *
   * @param given The shape that the output has, which decides where the config does not.
   */
  outputDims?(
    config: FrozenConfig<C>,
    sampleDims: readonly number[],
    given: readonly number[],
  ): readonly number[];
  /** Fills in the class's own options. Throws for options that contradict each other. */
  create(config: FrozenConfig<C>): SchedulerMethod<P, S, O>;
}

/** Options of `step` that every scheduler takes. */
export interface StepOptions {
  /** Where noise comes from: one for all images or one for each; the default generator else. */
  readonly generator?: GeneratorInput | undefined;
}

/** What `step` gives. */
export interface StepOutput {
  /** The less noisy sample. */
  readonly prevSample: Tensor;
  /** The clean sample as predicted now, by schedulers that know it. */
  readonly predOriginalSample?: Tensor | undefined;
  /** The less noisy sample before noise was added to it, by schedulers that end with it. */
  readonly prevSampleMean?: Tensor | undefined;
}

/**
 * A scheduler object: a method, a config and a cursor that moves as steps are taken.
 *
 * @category Schedulers
 *
 * @example
 * ```ts
 * import { DDIMScheduler, randn } from "@denoise/denoise";
 *
 * const scheduler = new DDIMScheduler();
 * scheduler.setTimesteps(2);
 * let sample = randn([1, 3, 8, 8]);
 * for (const t of scheduler.timesteps) {
 *   sample = scheduler.step(randn(sample.dims), t, sample).prevSample;
 * }
 * ```
 */
export interface Scheduler<C extends object = object, O extends object = object> {
  /** The class name in diffusers. */
  readonly className: string;
  /** Its frozen config, keys of sibling classes included. */
  readonly config: FrozenConfig<C>;
  /** The timesteps of the run; every trained one before `setTimesteps`. */
  readonly timesteps: readonly number[];
  /** The sigmas of the run, where the method has them. */
  readonly sigmas: readonly number[] | undefined;
  /** What the first noise has to be multiplied with. */
  readonly initNoiseSigma: number;
  /** Model calls that one step costs. */
  readonly order: number;
  /** The number given to `setTimesteps`, or undefined. */
  readonly numInferenceSteps: number | undefined;
  /** The position of the next step, undefined before the first. */
  readonly stepIndex: number | undefined;
  /** Class names of schedulers that can take over this config. */
  readonly compatibles: readonly string[];
  /** The plan that steps follow. */
  readonly plan: SchedulerPlan;
  /**
   * Plans a run and puts the cursor at its start.
   *
   * @throws {RangeError} for a number that is no integer from 1 to the trained number.
   * @throws {TypeError} for an option that the scheduler does not know, or several that contradict.
   */
  setTimesteps(numInferenceSteps: number | undefined, options?: PlanRequest): void;
  /** Starts at that position instead of the first timestep's (image-to-image). */
  setBeginIndex(index: number): void;
  /** The sample as the model wants it at that timestep. */
  scaleModelInput(sample: Tensor, timestep: number): Tensor;
  /**
   * From the model's output to the less noisy sample. When it throws, nothing has changed.
   *
   * @throws {TypeError} when the shapes differ.
   * @throws {RangeError} for a timestep that is not in the plan, or not the next one.
   * @throws {DenoiseError} `nan_output` when the model output holds NaN.
   */
  step(output: Tensor, timestep: number, sample: Tensor, options?: StepOptions & O): StepOutput;
  /**
   * A sample with more noise, before the model sees it (`add_noise_to_input`; Karras et al., where
   * the step then has to know its `sigma`).
   *
   * @throws {TypeError} when the class adds none.
   */
  addNoiseToInput(sample: Tensor, timestep: number, options?: StepOptions): ChurnedSample;
  /**
   * A corrected sample at the same noise level (predictor-corrector methods: before each step, as
   * often as the config says; second-order methods: after a step, which it repeats).
   *
   * @throws {TypeError} when the class corrects nothing.
   */
  stepCorrect(output: Tensor, sample: Tensor, options?: StepOptions & Partial<O>): Tensor;
  /**
   * A step back to more noise, where the timesteps rise again (RePaint).
   *
   * @param timestep The timestep of the step that is undone.
   * @throws {TypeError} when the class undoes nothing.
   */
  undoStep(sample: Tensor, timestep: number, options?: StepOptions & Partial<O>): Tensor;
  /**
   * Steps of several samples at timesteps of their own, without noise (ParaDiGMS).
   *
   * @throws {TypeError} when the class does not step in parallel.
   */
  batchStepNoNoise(
    output: Tensor,
    timesteps: readonly number[],
    sample: Tensor,
    options?: Partial<O>,
  ): Tensor;
  /** Clean samples with noise at the given timesteps, one for each sample. */
  addNoise(original: Tensor, noise: Tensor, timesteps: readonly number[]): Tensor;
  /** The velocity target of training. */
  getVelocity(sample: Tensor, noise: Tensor, timesteps: readonly number[]): Tensor;
  /** Whether `step` knows an option, such as `"eta"`. */
  takesStepOption(name: string): boolean;
  /** Whether `setTimesteps` knows an option, such as `"timesteps"` or `"sigmas"`. */
  takesPlanOption(name: string): boolean;
  /** The same scheduler with a cursor of its own, as before `setTimesteps`. */
  clone(): Scheduler<C, O>;
  /** Writes scheduler_config.json into a folder. */
  savePretrained(folder: string): Promise<void>;
  /** Class name and config as diffusers prints them. */
  toString(): string;
}

/**
 * The class of a scheduler, made by {@linkcode defineScheduler}.
 *
 * @category Schedulers
 */
export interface SchedulerClass<C extends object = object, O extends object = object>
  extends PluginClass<Scheduler<C, O>>, Bindable<SchedulerClass<C, O>> {
  /** Tells the classes of schedulers from those of other plugins. */
  readonly kind: "scheduler";
  /** Options with defaults and allowed values. */
  readonly schema: ConfigSchema<C>;
  /** Whether steps go one after the other (`"index"`) or in any order (`"timestep"`). */
  readonly cursor: "index" | "timestep";
  /** Whether `step` works before `setTimesteps`. */
  readonly stepsUnplanned: boolean;
  /** Makes one from options; the rest have their defaults. */
  new (options?: Partial<C>): Scheduler<C, O>;
  /** Makes one from the config of any scheduler, as diffusers' `from_config` does. */
  fromConfig(config: object, overrides?: Partial<C>): Scheduler<C, O>;
  /** Loads scheduler_config.json from a folder or repo (its `scheduler` folder if that is there). */
  fromPretrained(
    id: string | URL,
    options?: LoadOptions & { readonly subfolder?: string },
  ): Promise<Scheduler<C, O>>;
}

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

/** A sample that was made noisier. */
export interface ChurnedSample {
  /** The noisier sample. */
  readonly sample: Tensor;
  /** The standard deviation of the noise that it now has. */
  readonly sigma: number;
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
 * The class of a scheduler, made by `defineScheduler` of @denoise/schedules.
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

import type {
  ChurnedSample,
  ConfigSchema,
  FrozenConfig,
  PlanRequest,
  SchedulerPlan,
  Tensor,
} from "@denoise/core";

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
  /** Class names whose configs it can take over; see `compatibles` of a Scheduler. */
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

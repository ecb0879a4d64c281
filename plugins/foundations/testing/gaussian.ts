import { configValue, Generator, type PlanRequest, type Scheduler, Tensor } from "@denoise/core";

/** How much of a noisy sample is signal and how much is noise: x = alpha·x0 + sigma·n. */
export interface NoiseLevel {
  /** Factor of the clean sample. */
  readonly alpha: number;
  /** Standard deviation of the noise. */
  readonly sigma: number;
}

/** Standard deviation of the data that the exact model knows. */
const DATA_STD = 0.5;

/** float64, so that errors of high-order methods show. */
const ones: Tensor = Tensor.ones([1, 1, 1, 1], "float64");

/**
 * The noise level that a scheduler gives the model at a timestep: read off its scaling of the model
 * input where it has one (x/√(σ² + 1)), off its forward process otherwise.
 */
export function noiseLevel(scheduler: Scheduler, timestep: number): NoiseLevel {
  const scale = scheduler.scaleModelInput(ones, timestep).item();
  if (scale !== 1) return { alpha: 1, sigma: exactSigma(scheduler, Math.sqrt(1 / scale ** 2 - 1)) };
  const zeros = ones.mul(0);
  return {
    alpha: scheduler.addNoise(ones, zeros, [timestep]).item(),
    sigma: scheduler.addNoise(zeros, ones, [timestep]).item(),
  };
}

/** The sigma of the plan that a scale, rounded to float32, was made from. */
function exactSigma(scheduler: Scheduler, rounded: number): number {
  const match = scheduler.sigmas?.find((sigma) => Math.abs(sigma - rounded) < 1e-5 * sigma);
  return match ?? rounded;
}

/** Standard deviation of the noisy data at a level, x0 drawn from N(0, 0.5²). */
function noisyStd({ alpha, sigma }: NoiseLevel): number {
  return Math.hypot(alpha * DATA_STD, sigma);
}

/**
 * What a perfect model says about x when the data are Gaussian: E[x0 | x] and what follows from it.
 *
 * @throws {RangeError} for a prediction type that has no such answer.
 */
function exactModel(predictionType: string, level: NoiseLevel, x: Tensor): Tensor {
  const { alpha, sigma } = level;
  const denoised = alpha * DATA_STD ** 2 / noisyStd(level) ** 2; // x0 = denoised · x
  const noise = sigma === 0 ? 0 : (1 - alpha * denoised) / sigma; // n = noise · x
  switch (predictionType) {
    case "epsilon":
      return x.mul(noise);
    case "sample":
    case "original_sample":
      return x.mul(denoised);
    case "v_prediction": {
      const length = Math.hypot(alpha, sigma);
      return x.mul((alpha * noise - sigma * denoised) / length);
    }
    case "flow_prediction":
      return x.mul(noise - denoised);
    default:
      throw new RangeError(`No exact model is known for the prediction type "${predictionType}"`);
  }
}

/** How a run on Gaussian data is taken. */
export interface GaussianOptions {
  /** What the model predicts. Defaults to the config's `prediction_type`. */
  readonly predictionType?: string;
  /** The model's output for x where x0 is known. Defaults to what the prediction type says. */
  readonly output?: (denoised: Tensor, x: Tensor, level: NoiseLevel) => Tensor;
  /** The noise level at a model call. Defaults to {@linkcode noiseLevel}. */
  readonly level?: (scheduler: Scheduler, index: number) => NoiseLevel;
  /** The call up to which errors are measured. Defaults to half of the calls. */
  readonly until?: (calls: number) => number;
  /**
   * Calls at the start that are given the exact solution, so that a multistep method's own order
   * shows instead of that of its first steps. None by default.
   */
  readonly exactCalls?: number;
  /** Options of `setTimesteps`. */
  readonly planOptions?: PlanRequest;
  /** Options of `step`. */
  readonly stepOptions?: object;
}

/** How the order of convergence is measured. */
export interface ConvergenceOptions extends GaussianOptions {
  /** Numbers of steps, rising by factors of about 2. */
  readonly steps: readonly number[];
}

/** How the distribution of samples is measured. */
export interface DistributionOptions extends GaussianOptions {
  /** Number of steps. */
  readonly steps: number;
  /** Number of samples. Defaults to 16,384. */
  readonly samples?: number;
}

/**
 * Takes a run with the exact model, up to the call that the options name.
 *
 * @param first Samples at the start in units of their standard deviation.
 * @returns The samples there, in units of theirs.
 */
function gaussianRun(
  scheduler: Scheduler,
  steps: number,
  first: Tensor,
  options: GaussianOptions,
): Tensor {
  scheduler.setTimesteps(steps, options.planOptions);
  const { timesteps } = scheduler;
  const {
    predictionType = String(configValue(scheduler.config, "prediction_type") ?? "epsilon"),
    level = (of, index) => noiseLevel(of, of.timesteps[index]!),
    until = (calls) => Math.floor(calls / scheduler.order / 2) * scheduler.order,
    exactCalls = 0,
    stepOptions = {},
  } = options;
  const outputOf = (x: Tensor, at: NoiseLevel): Tensor =>
    options.output?.(exactModel("sample", at, x), x, at) ?? exactModel(predictionType, at, x);
  let sample = first.mul(noisyStd(level(scheduler, 0)));
  const last = until(timesteps.length);
  for (let i = 0; i < last; i++) {
    if (i < exactCalls) sample = first.mul(noisyStd(level(scheduler, i)));
    const output = outputOf(sample, level(scheduler, i));
    sample = scheduler.step(output, timesteps[i]!, sample, stepOptions).prevSample;
  }
  return sample.div(noisyStd(level(scheduler, last)));
}

/** How far a run is from the exact solution x/√(α²s² + σ²) = constant, relative, at one call. */
function gaussianError(
  scheduler: Scheduler,
  steps: number,
  options: GaussianOptions,
): number {
  return Math.abs(gaussianRun(scheduler, steps, ones, options).item() - 1);
}

/** How far the standard deviation of the samples is from the exact one, relative. */
export function distributionError(
  scheduler: Scheduler,
  { steps, samples = 16_384, ...options }: DistributionOptions,
): number {
  const generator = Generator.manualSeed(0);
  const stepOptions = { ...options.stepOptions, generator };
  const first = generator.randn([1, 1, 1, samples]);
  return Math.abs(
    gaussianRun(scheduler, steps, first, { ...options, stepOptions }).std().item() - 1,
  );
}
/** The order of convergence: the slope of log error against log step size, least squares. */
export function measuredOrder(
  create: () => Scheduler,
  { steps, ...options }: ConvergenceOptions,
): number {
  const x = steps.map((count) => -Math.log(count));
  const y = steps.map((count) => Math.log(gaussianError(create(), count, options)));
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const [mx, my] = [mean(x), mean(y)];
  const covariance = mean(x.map((value, i) => (value - mx) * (y[i]! - my)));
  return covariance / mean(x.map((value) => (value - mx) ** 2));
}

/**
 * Parallel decoding of masked token ids (MaskGIT), as aMUSEd samples: every step guesses all tokens
 * that are masked and masks again those that the model was least sure of.
 *
 * One model call a step, stochastic. It works on ids instead of numbers, so it has no order.
 *
 *     x0 ~ p where x is masked, x elsewhere        s = log p(x0) + τ·g        g = −log(−log u)
 *     x' = x0, masked where s is among the ⌊r·L⌋ smallest        r = cos(π/2·i/steps)
 *
 * x: token ids [N, H, W], int64, with a model output of scores [N, K, H, W], or [N, L] with [N, L, K];
 * all are `mask_token_id` at first; p: softmax of the scores; u: even noise of 0 .. 1; i: the number of
 * the step, from 1; r with `linear`: 1 − i/steps; τ: the temperature, which falls evenly over the run.
 * Before the last step at least one token is masked again, and of several at least one is not.
 *
 * `setTimesteps` takes `temperature`: where τ starts and ends (`[2, 0]` by default), or a number where
 * it starts, to end at 0.01. `addNoise(original, noise, timesteps)` masks the tokens whose even noise of
 * 0 .. 1 (`Generator.rand`) is below r.
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`), and a TypeError without
 * `mask_token_id`, which has no default.
 *
 * Chang et al., MaskGIT, arXiv:2202.04200; Patil et al., aMUSEd, arXiv:2401.01808. All options of
 * `AmusedScheduler` in diffusers are covered.
 *
 * @example
 * ```ts
 * import { AmusedScheduler } from "@denoise/scheduler-amused";
 * import { Generator, Tensor } from "@denoise/core";
 *
 * const scheduler = new AmusedScheduler({ mask_token_id: 8 });
 * scheduler.setTimesteps(12);
 * const generator = Generator.manualSeed(0);
 * const output = Tensor.zeros([1, 8, 4, 4]); // a model would be called at each step
 * let sample = Tensor.full([1, 4, 4], 8, "int64");
 * for (const t of scheduler.timesteps) {
 *   sample = scheduler.step(output, t, sample, { generator }).prevSample;
 * }
 * console.log(sample.toNested());
 * ```
 *
 * @module
 */
import {
  drawBatch,
  maybe,
  number,
  oneOf,
  type PlanRequest,
  type Scheduler,
  type SchedulerClass,
  type SchedulerPlan,
  type StepOptions,
  Tensor,
} from "@denoise/core";
import {
  defineScheduler,
  indexForTimestep,
  linspace32,
  requiredOption,
  trainedTimesteps,
} from "@denoise/schedules";

/** Options of {@linkcode AmusedScheduler}, as in scheduler_config.json. */
export interface AmusedConfig {
  /** The id that stands for a masked token; it has to be given. */
  readonly mask_token_id: number | null;
  /** How the share of masked tokens falls: `"cosine"` or `"linear"`. */
  readonly masking_schedule: "cosine" | "linear";
}

/** Options of a step. */
export interface AmusedStepOptions extends StepOptions {
  /** What r is multiplied with: the share of tokens that was masked at first. Defaults to 1. */
  readonly startingMaskRatio?: number | undefined;
}

interface AmusedPlan extends SchedulerPlan {
  /** τ of each step. */
  readonly temperatures: readonly number[];
}

const CLASS_NAME = "AmusedScheduler";
const f = Math.fround;
const LARGEST = f(3.4028234663852886e38);

/** Parallel decoding of masked tokens. */
export const AmusedScheduler: SchedulerClass<AmusedConfig, AmusedStepOptions> = defineScheduler<
  AmusedConfig,
  AmusedPlan,
  undefined,
  AmusedStepOptions
>({
  className: CLASS_NAME,
  cursor: "timestep",
  planOptions: ["temperature"],
  stepOptions: ["startingMaskRatio"],
  schema: {
    mask_token_id: maybe(number),
    masking_schedule: oneOf("cosine", "linear"),
  },
  outputDims: (_config, [batch, ...places], given) =>
    places.length === 1 ? [batch!, ...places, given[2] ?? 1] : [batch!, given[1] ?? 1, ...places],
  create(config) {
    const mask = requiredOption(CLASS_NAME, "mask_token_id", config.mask_token_id);
    /** r after the step at a place of the plan. */
    const maskRatio = (index: number, steps: number): number => {
      const share = f((index + 1) / steps);
      return config.masking_schedule === "cosine"
        ? f(Math.cos(f(f(share * Math.PI) / 2)))
        : f(1 - share);
    };
    return {
      training: { timesteps: [0], temperatures: [0] }, // no step was trained by itself
      plan: (request) => ({
        timesteps: trainedTimesteps(request.numInferenceSteps!),
        temperatures: temperaturesOf(request),
      }),
      step(plan, { index, timestep, sample, output, options }) {
        const { startingMaskRatio = 1, generator } = options;
        const [batch] = sample.dims as [number];
        const length = sample.size / batch;
        const scores = sample.dims.length === 2
          ? output
          : output.reshape([batch, -1, length]).permute([0, 2, 1]); // [N, L, K]
        const probabilities = softmax(scores);
        const waits = drawBatch(scores.dims, generator, (own, dims) => own.rand(dims, "float64"))
          .map((u) => f(-Math.log1p(-u)));
        const guesses = probabilities.div(waits.astype("float32")).argmax(2).toFloat32Array();

        const tokens = sample.toFloat32Array();
        const guessed = tokens.map((token, i) => (token === mask ? guesses[i]! : token));
        const denoised = ids(guessed, sample.dims);
        if (timestep === 0) return { sample: denoised, denoised };

        const classes = scores.dims[2]!;
        const chances = probabilities.toFloat32Array();
        const sure = tokens.map((token, i) =>
          token === mask ? chances[i * classes + guessed[i]!]! : LARGEST
        );
        const confidence = drawBatch([batch, length], generator, (own, dims) => own.rand(dims))
          .map((u, i) => {
            const gumbel = -f(Math.log(Math.max(f(-f(Math.log(Math.max(u, 1e-20)))), 1e-20)));
            const noise = f(plan.temperatures[index]! * f(gumbel));
            return f(f(Math.log(Math.max(sure[i]!, 1e-20))) + noise);
          }).toFloat32Array();
        const ratio = f(startingMaskRatio * maskRatio(index, plan.timesteps.length));
        const most = Math.floor(f(length * ratio));
        for (let row = 0; row < batch; row++) {
          const [start, end] = [row * length, (row + 1) * length];
          const masked = tokens.subarray(start, end).filter((token) => token === mask).length;
          const own = confidence.subarray(start, end);
          const cut = own.toSorted()[Math.max(1, Math.min(masked - 1, most))]!;
          own.forEach((value, i) => {
            if (value < cut) guessed[start + i] = mask;
          });
        }
        return { sample: ids(guessed, sample.dims), denoised };
      },
      addNoise({ timesteps }, original, noise, at, index) {
        const tokens = original.toFloat32Array();
        const length = original.size / original.dims[0]!;
        const ratios = at.map((t) =>
          maskRatio(index ?? indexForTimestep(timesteps, t), timesteps.length)
        );
        const masked = noise.toFloat32Array().map((u, i) =>
          u < (ratios[Math.floor(i / length)] ?? ratios[0]!) ? mask : tokens[i]!
        );
        return ids(masked, original.dims);
      },
    };
  },
});

/** A scheduler made by the class {@linkcode AmusedScheduler}. */
export type AmusedScheduler = Scheduler<AmusedConfig, AmusedStepOptions>;

/** τ of each step, falling evenly. */
function temperaturesOf(request: PlanRequest): number[] {
  const { temperature = [2, 0] } = request as {
    readonly temperature?: number | readonly [number, number];
  };
  const range = typeof temperature === "number" ? [temperature, 0.01] : temperature;
  if (Array.isArray(range) && range.length === 2 && range.every(Number.isFinite)) {
    return Array.from(linspace32(range[0]!, range[1]!, request.numInferenceSteps!));
  }
  throw new TypeError(
    `Cannot plan ${CLASS_NAME}: temperature is a number or two, but is ` +
      JSON.stringify(temperature),
  );
}

/** Probabilities along the last axis, in float32. */
function softmax(scores: Tensor): Tensor {
  const powers = scores.astype("float32").sub(scores.max(2, { keepDims: true })).exp();
  return powers.div(powers.sum(2, { keepDims: true }));
}

/** Numbers as token ids. */
function ids(values: Float32Array, dims: readonly number[]): Tensor {
  return new Tensor("float32", values.slice(), dims).astype("int64");
}

/**
 * VQ-Diffusion: diffusion of token ids, of which noise makes others or a mask.
 *
 * One model call a step, stochastic. It works on classes instead of numbers, so it has no order.
 *
 *     p(x'|x) = Σ q(x'|x, x0)·p(x0|x) = q(x|x')·Σ q(x'|x0)·p(x0|x)/q(x|x0)
 *     x' = argmax (log p(x'|x) + g)        g = −log(−log u)
 *
 * x: token ids [N, L] or [N, H, W], int64, 0 .. K − 1, of which K − 1 is the mask and which are all
 * masked at first; p(x0|x): the model's output, log probabilities [N, K − 1, L] or [N, K − 1, H, W] of
 * the ids without the mask; u: even noise of 0 .. 1. q: a token keeps its id with probability a, becomes masked with c, and each of the
 * K − 1 ids with b = (1 − a − c)/(K − 1); a mask stays one. The products ā and c̄ of a timestep go
 * evenly from `alpha_cum_start` to `alpha_cum_end` and from `gamma_cum_start` to `gamma_cum_end`.
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`), a TypeError without
 * `num_vec_classes`, which has no default, and a RangeError for ids outside 0 .. K − 1.
 *
 * Gu et al., Vector Quantized Diffusion Model for Text-to-Image Synthesis, arXiv:2111.14822, equations
 * 4 to 11. All options of `VQDiffusionScheduler` in diffusers are covered.
 *
 * @example
 * ```ts
 * import { VQDiffusionScheduler } from "@denoise/scheduler-vq-diffusion";
 * import { Generator, Tensor } from "@denoise/core";
 *
 * const scheduler = new VQDiffusionScheduler({ num_vec_classes: 5 });
 * scheduler.setTimesteps(100);
 * const generator = Generator.manualSeed(0);
 * const output = Tensor.full([1, 4, 16], Math.log(1 / 4)); // a model would be called at each step
 * let sample = Tensor.full([1, 16], 4, "int64");
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
  float,
  maybe,
  number,
  type Scheduler,
  type SchedulerClass,
  type StepOptions,
  Tensor,
} from "@denoise/core";
import { defineScheduler, requiredOption, trainedTimesteps } from "@denoise/schedules";

/** Options of {@linkcode VQDiffusionScheduler}, as in scheduler_config.json. */
export interface VQDiffusionConfig {
  /** K, the number of ids with the mask, which is the last; it has to be given. */
  readonly num_vec_classes: number | null;
  /** Number of trained timesteps. */
  readonly num_train_timesteps: number;
  /** ā of the first timestep. */
  readonly alpha_cum_start: number;
  /** ā of the last timestep. */
  readonly alpha_cum_end: number;
  /** c̄ of the first timestep. */
  readonly gamma_cum_start: number;
  /** c̄ of the last timestep. */
  readonly gamma_cum_end: number;
}

/** Logarithms of the probabilities that a token stays, becomes a certain id, or becomes masked. */
interface Transition {
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

/** What one timestep does, and all up to it. */
interface Transitions {
  readonly single: Transition;
  readonly cumulative: Transition;
}

const CLASS_NAME = "VQDiffusionScheduler";
const f = Math.fround;
/** The logarithm that stands for that of 0. */
const LOG_ZERO = f(Math.log(1e-30));

/** Diffusion of token ids. */
export const VQDiffusionScheduler: SchedulerClass<VQDiffusionConfig, StepOptions> = defineScheduler<
  VQDiffusionConfig,
  { readonly timesteps: readonly number[] },
  undefined,
  StepOptions
>({
  className: CLASS_NAME,
  cursor: "timestep",
  stepsUnplanned: true,
  schema: {
    num_vec_classes: maybe(number),
    num_train_timesteps: 100,
    alpha_cum_start: float(0.99999),
    alpha_cum_end: float(9e-06),
    gamma_cum_start: float(9e-06),
    gamma_cum_end: float(0.99999),
  },
  outputDims: ({ num_vec_classes: classes }, dims) => [dims[0]!, classes! - 1, ...dims.slice(1)],
  create(config) {
    const classes = requiredOption(CLASS_NAME, "num_vec_classes", config.num_vec_classes);
    const table = transitions(config, classes);
    return {
      training: { timesteps: trainedTimesteps(config.num_train_timesteps) },
      plan: ({ numInferenceSteps }) => ({ timesteps: trainedTimesteps(numInferenceSteps!) }),
      step(_plan, { timestep, sample, output, options }) {
        const logits = timestep === 0
          ? output
          : posterior(output, sample, table[timestep]!, table[timestep - 1]!);
        const gumbel = drawBatch(logits.dims, options.generator, (own, dims) => own.rand(dims))
          .map((u) => -f(Math.log(f(-f(Math.log(f(u + 1e-30))) + 1e-30))));
        return { sample: gumbel.add(logits).argmax(1) };
      },
    };
  },
});

/** A scheduler made by the class {@linkcode VQDiffusionScheduler}. */
export type VQDiffusionScheduler = Scheduler<VQDiffusionConfig, StepOptions>;

/** The transitions of every trained timestep. */
function transitions(config: VQDiffusionConfig, classes: number): Transitions[] {
  const count = config.num_train_timesteps;
  const even = (start: number, end: number): number[] =>
    Array.from({ length: count }, (_, i) => i / (count - 1) * (end - start) + start);
  const keeps = even(config.alpha_cum_start, config.alpha_cum_end);
  const masks = even(config.gamma_cum_start, config.gamma_cum_end);
  const logs = (a: number, c: number): Transition => {
    const b = (1 - a - c) / (classes - 1);
    return { a: f(Math.log(a)), b: f(Math.log(b)), c: f(Math.log(c)) };
  };
  return keeps.map((keep, t) => ({
    single: logs(
      keep / (keeps[t - 1] ?? 1),
      1 - (1 - masks[t]!) / (1 - (masks[t - 1] ?? 0)),
    ),
    cumulative: logs(keep, masks[t]!),
  }));
}

/** log(e^x + e^y) in float32. */
function logAddExp(x: number, y: number): number {
  return f(Math.max(x, y) + Math.log1p(Math.exp(-Math.abs(x - y))));
}

/** log q(token | id) for the ids without the mask: of the token's own id, and of any other. */
function towards({ a, b, c }: Transition, isMasked: boolean): { own: number; other: number } {
  if (isMasked) return { own: c, other: c };
  return { own: logAddExp(a, b), other: logAddExp(f(LOG_ZERO + a), b) };
}

/**
 * log p(x'|x), [N, K, L].
 *
 * @param output log p(x0|x), [N, K − 1, L].
 * @param sample x, [N, L].
 * @param now The timestep of x.
 * @param before The timestep of x'.
 */
function posterior(
  output: Tensor,
  sample: Tensor,
  now: Transitions,
  before: Transitions,
): Tensor {
  const [batch, ids, ...places] = output.dims as [number, number, ...number[]];
  const length = sample.size / batch;
  const [given, tokens] = [output.toFloat32Array(), sample.toFloat32Array()];
  const result = new Float32Array(batch * (ids + 1) * length);
  for (let place = 0; place < tokens.length; place++) {
    const [n, l] = [Math.floor(place / length), place % length];
    const token = tokens[place]!;
    if (!(token >= 0 && token <= ids)) {
      throw new RangeError(`Cannot step ${CLASS_NAME}: ids are 0 to ${ids}, but one is ${token}`);
    }
    const isMasked = token === ids;
    const [all, one] = [towards(now.cumulative, isMasked), towards(now.single, isMasked)];

    const q = Array.from({ length: ids }, (_, id) => {
      const logP = given[(n * ids + id) * length + l]!;
      return f(logP - (id === token ? all.own : all.other));
    });
    const most = Math.max(...q);
    const total = f(most + Math.log(q.reduce((sum, x) => sum + Math.exp(x - most), 0)));
    for (let id = 0; id <= ids; id++) {
      const isMask = id === ids;
      const { a, b, c } = before.cumulative;
      const reached = isMask ? c : logAddExp(f(f(q[id]! - total) + a), b);
      const onwards = isMask ? (isMasked ? 0 : LOG_ZERO) : id === token ? one.own : one.other;
      result[(n * (ids + 1) + id) * length + l] = f(reached + onwards) + total;
    }
  }
  return new Tensor("float32", result, [batch, ids + 1, ...places]);
}

/**
 * UniPC: a predictor and a corrector of one form. The corrector improves the sample that a step
 * starts from with the output for it, so that it costs no model call.
 *
 * Order `solver_order` of the predictor, one more with the corrector (lower in the first steps and
 * the last ones), one model call a step.
 *
 *     x' = σ'/σ·x − α'·E·m₀ − α'·B·Σₖ aₖ·(mₖ − m₀)/rₖ        E = e^(−h) − 1        rₖ = (λₖ − λ)/h
 *
 * x: [N, C, H, W] = α·x0 + σ·ε, any shape whose first axis is the batch; mₖ: x0 as predicted k steps
 * ago (for the corrector also at the end of the step, with r = 1); h = λ' − λ: the step in
 * λ = log(α/σ); B: −h for `bh1`, E for `bh2`; aₖ: the solution of a small linear system. Without
 * `predict_x0` ε takes the place of x0, α'/α and σ' those of σ'/σ and α', and h that of −h.
 *
 * Throws what every scheduler throws (see `Scheduler` in `@denoise/core`), a RangeError for a config
 * that contradicts itself, and a TypeError where `mu` is missing.
 *
 * Zhao et al., UniPC, arXiv:2302.04867, algorithms 5 to 8. All options of `UniPCMultistepScheduler`
 * in diffusers are covered but `solver_p`, which holds another scheduler and stands in no file.
 * Sigmas of one's own beside exponential or beta sigmas, from which diffusers makes timesteps that
 * mean nothing, are refused.
 *
 * @example
 * ```ts
 * import { UniPCMultistepScheduler } from "@denoise/scheduler-unipc-multistep";
 * import { Generator } from "@denoise/core";
 *
 * const scheduler = new UniPCMultistepScheduler({ solver_order: 3 });
 * scheduler.setTimesteps(10);
 * let sample = Generator.manualSeed(0).randn([1, 4, 8, 8]);
 * for (const t of scheduler.timesteps) {
 *   const output = sample.mul(0.1); // a model would be called here
 *   sample = scheduler.step(output, t, sample).prevSample;
 * }
 * console.log(sample.dims);
 * ```
 *
 * @module
 */
import {
  float,
  maybe,
  oneOf,
  type PlanRequest,
  replacing,
  type Scheduler,
  type SchedulerClass,
  type Tensor,
} from "@denoise/core";
import {
  addNoiseByLevel,
  checkSigmaConfig,
  configuredSigmas,
  convertOutput,
  defineScheduler,
  KARRAS_DIFFUSION_SCHEDULERS,
  linspace,
  type LogSnrLevel,
  logSnrLevel,
  makeNoiseSchedule,
  type MultistepConfig,
  multistepOptions,
  planMultistep,
  shiftSigmas,
  type SigmaPlan,
  solveLinear,
  stretchToTerminal,
  timeShift,
  toFloat32,
  trainedMultistepPlan,
} from "@denoise/schedules";

/** Options of {@linkcode UniPCMultistepScheduler}, as in scheduler_config.json. */
export interface UniPCMultistepConfig extends MultistepConfig {
  /** Order of the predictor, from 1. */
  readonly solver_order: number;
  /** Whether x0 is integrated; ε otherwise. */
  readonly predict_x0: boolean;
  /** `"bh1"`, or `"bh2"` for guidance and few steps. */
  readonly solver_type: "bh2" | "bh1";
  /** Whether the last steps are of lower order. */
  readonly lower_order_final: boolean;
  /** Steps after which the corrector is left out. */
  readonly disable_corrector: readonly number[];
  /** null; another scheduler as predictor is not covered. */
  readonly solver_p: null;
  /** The last sigma: `"zero"`, or `"sigma_min"` for the smallest. */
  readonly final_sigmas_type: "zero" | "sigma_min";
  /** How `mu` shifts flow sigmas: `"exponential"` or `"linear"`. */
  readonly time_shift_type: "exponential" | "linear";
  /** What the last flow sigma is stretched to; left as it is when null. */
  readonly shift_terminal: number | null;
}

interface UniPCState {
  /** The last outputs, the newest first. */
  readonly outputs: readonly Tensor[];
  /** The sample that the last step started from, corrected. */
  readonly sample: Tensor;
  /** Order of the last step. */
  readonly order: number;
}

const CLASS_NAME = "UniPCMultistepScheduler";
const f = Math.fround;

/** Predictor and corrector over the logarithm of the signal-to-noise ratio. */
export const UniPCMultistepScheduler: SchedulerClass<UniPCMultistepConfig> = defineScheduler<
  UniPCMultistepConfig,
  SigmaPlan,
  UniPCState
>({
  className: CLASS_NAME,
  compatibles: KARRAS_DIFFUSION_SCHEDULERS,
  planOptions: ["sigmas", "mu"],
  schema: {
    ...multistepOptions,
    solver_order: 2,
    predict_x0: true,
    solver_type: replacing(oneOf("bh2", "bh1"), { midpoint: "bh2", heun: "bh2", logrho: "bh2" }),
    lower_order_final: true,
    disable_corrector: [],
    solver_p: oneOf(null),
    final_sigmas_type: oneOf("zero", "sigma_min"),
    rescale_betas_zero_snr: false,
    use_dynamic_shifting: false,
    time_shift_type: oneOf("exponential", "linear"),
    sigma_min: maybe(float),
    sigma_max: maybe(float),
    shift_terminal: maybe(float),
  },
  create(config) {
    checkConfig(config);
    const { use_flow_sigmas: flow, predict_x0: predictsData } = config;
    const schedule = makeNoiseSchedule(config, { lastAlphaCumprod: 2 ** -24 });
    const conversion = predictsData ? config : { ...config, thresholding: false };
    const wanted = predictsData ? "denoised" : "noise";

    /** Order of the step at a place of the plan, after that many steps of the run. */
    const orderAt = (steps: number, index: number, earlier: number): number =>
      Math.min(
        config.solver_order,
        earlier + 1,
        config.lower_order_final ? steps - index : Infinity,
      );

    return {
      training: trainedMultistepPlan(schedule),
      plan(request) {
        checkRequest(config, request);
        const isSpread = config.use_exponential_sigmas || config.use_beta_sigmas;
        if (flow && !isSpread) return planFlow(config, request, schedule.sigmas);
        return planMultistep(CLASS_NAME, config, { ...request, mu: undefined }, schedule, {
          last: (sigmas, isChosen) =>
            config.final_sigmas_type === "zero"
              ? 0
              : isChosen
              ? sigmas.at(-1)!
              : schedule.sigmas[0]!,
        });
      },
      step({ timesteps, sigmas }, { index, sample, output, state }) {
        const current = convertOutput(conversion, sample, output, sigmas[index]!, wanted);
        const levelsFrom = (place: number, count: number): LogSnrLevel[] =>
          Array.from({ length: count }, (_, i) => logSnrLevel(sigmas[place - i]!, flow));

        const corrects = state !== undefined && index > 0 &&
          !config.disable_corrector.includes(index - 1);
        const corrected = corrects
          ? unify(config, {
            start: state.sample,
            levels: levelsFrom(index, state.order + 1),
            outputs: state.outputs,
            current,
          })
          : sample;
        const outputs = [current, ...state?.outputs ?? []].slice(0, config.solver_order);
        const order = orderAt(timesteps.length, index, state?.outputs.length ?? 0);
        const next = unify(config, {
          start: corrected,
          levels: levelsFrom(index + 1, order + 1),
          outputs,
        });
        return { sample: next, state: { outputs, sample: corrected, order } };
      },
      addNoise: (plan, original, noise, timesteps, index) =>
        addNoiseByLevel(plan, original, noise, timesteps, index, flow),
    };
  },
});

/** A scheduler made by the class {@linkcode UniPCMultistepScheduler}. */
export type UniPCMultistepScheduler = Scheduler<UniPCMultistepConfig>;

interface Step {
  /** The sample at the start of the step. */
  readonly start: Tensor;
  /** The level at its end, at its start, and at the starts of earlier steps. */
  readonly levels: readonly LogSnrLevel[];
  /** The outputs at its start and at those of earlier steps. */
  readonly outputs: readonly Tensor[];
  /** The output at its end, which the corrector knows. */
  readonly current?: Tensor | undefined;
}

/** Predicts or corrects the sample at the end of a step; as many levels as are given count. */
function unify(config: UniPCMultistepConfig, { start, levels, outputs, current }: Step): Tensor {
  const [to, from, ...earlier] = levels as [LogSnrLevel, LogSnrLevel, ...LogSnrLevel[]];
  const h = f(to.lambda - from.lambda);
  const s = config.predict_x0 ? -h : h;
  const c = config.predict_x0 ? f(to.sigma / from.sigma) : f(to.alpha / from.alpha);
  const w = config.predict_x0 ? to.alpha : to.sigma;
  const E = f(Math.expm1(s));
  const B = config.solver_type === "bh1" ? s : E;

  const ratios = earlier.map(({ lambda }) => f(f(lambda - from.lambda) / h));
  const known = earlier.map((_, i) => outputs[i + 1]!.sub(outputs[0]!).div(ratios[i]!));
  const differences = current === undefined ? known : [...known, current.sub(outputs[0]!)];
  const plain = start.mul(c).sub(outputs[0]!.mul(f(w * E)));
  if (differences.length === 0) return plain;
  const nodes = current === undefined ? ratios : [...ratios, 1];
  const weights = nodes.length === 1 ? [0.5] : coefficients(nodes, s, B);
  const sum = differences
    .map((difference, i) => difference.mul(weights[i]!))
    .reduce((total, part) => total.add(part));
  return plain.sub(sum.mul(f(w * B)));
}

/** a with Σₖ aₖ·rₖ^(i−1) = i!·φᵢ₊₁(s)·s/B (equation 12 of the paper). */
function coefficients(nodes: readonly number[], s: number, B: number): number[] {
  const right: number[] = [];
  let [phi, factorial] = [Math.expm1(s) / s - 1, 1];
  for (let i = 1; i <= nodes.length; i++) {
    right.push(phi * factorial / B);
    factorial *= i + 1;
    phi = phi / s - 1 / factorial;
  }
  return solveLinear(right.map((_, i) => nodes.map((node) => node ** i)), right);
}

/** Sigmas as shares of noise, shifted, with timesteps in proportion. */
function planFlow(
  config: UniPCMultistepConfig,
  request: PlanRequest,
  trainedSigmas: Float32Array,
): SigmaPlan {
  const { num_train_timesteps: trained } = config;
  const own = request.sigmas;
  const count = own?.length ?? request.numInferenceSteps!;
  const finish = (sigmas: readonly number[], timesteps: readonly number[]): SigmaPlan => ({
    timesteps: timesteps.map(Math.trunc),
    sigmas: toFloat32([...sigmas, config.final_sigmas_type === "zero" ? 0 : sigmas.at(-1)!]),
  });
  const chosen = configuredSigmas(config, own?.toReversed() ?? trainedSigmas.toReversed(), count);
  if (chosen !== undefined) {
    const shares = chosen.map((sigma) => sigma / (sigma + 1));
    return finish(shares, shares.map((sigma) => sigma * trained));
  }
  const plain = own ?? linspace(1, 1 / trained, count + 1).slice(0, -1);
  const shifted = config.use_dynamic_shifting
    ? timeShift(config.time_shift_type, request.mu!, plain)
    : shiftSigmas(plain, config.flow_shift);
  const stretched = config.shift_terminal
    ? stretchToTerminal(shifted, config.shift_terminal)
    : shifted;
  // α = 1 − σ must not be 0
  const sigmas = stretched.map((sigma, i) =>
    i === 0 && Math.abs(sigma - 1) < 1e-6 ? sigma - 1e-6 : sigma
  );
  return finish(sigmas, sigmas.map((sigma) => sigma * trained));
}

function checkRequest(config: UniPCMultistepConfig, request: PlanRequest): void {
  if (config.use_dynamic_shifting && request.mu === undefined) {
    throw new TypeError(
      `Cannot plan ${CLASS_NAME}: with use_dynamic_shifting it needs the option mu, as ` +
        "dynamicShift() of @denoise/schedules gives it for a number of tokens",
    );
  }
  const isSpread = config.use_exponential_sigmas || config.use_beta_sigmas;
  if (request.sigmas !== undefined && (!config.use_flow_sigmas || isSpread)) {
    throw new RangeError(
      `Cannot plan ${CLASS_NAME}: it takes sigmas of one's own only while use_flow_sigmas is true ` +
        "and use_exponential_sigmas and use_beta_sigmas are false",
    );
  }
}

function checkConfig(config: UniPCMultistepConfig): void {
  checkSigmaConfig(CLASS_NAME, config);
  const refuse = (what: string): never => {
    throw new RangeError(`Cannot configure ${CLASS_NAME}: ${what}`);
  };
  if (!Number.isInteger(config.solver_order) || config.solver_order < 1) {
    refuse(`solver_order must be an integer from 1, but is ${config.solver_order}`);
  }
  if (config.shift_terminal !== null && !config.use_flow_sigmas) {
    refuse("shift_terminal needs use_flow_sigmas");
  }
  if (!config.predict_x0 && config.prediction_type === "flow_prediction") {
    refuse("flow_prediction needs predict_x0");
  }
}

import { type SchedulerRecord, testAgainstDiffusers, testScheduler } from "@denoise/testing";
import { SASolverScheduler } from "./mod.ts";
import goldens from "./testdata/goldens.json" with { type: "json" };

/** No noise, so that there is an exact solution. */
const planOptions = { tauFunc: () => 0 };

testScheduler(SASolverScheduler, {
  refuses: [
    { config: { use_karras_sigmas: true, use_beta_sigmas: true }, message: "only one of" },
    {
      config: { algorithm_type: "noise_prediction", prediction_type: "flow_prediction" },
      message: "flow_prediction",
    },
  ],
  convergence: [
    {
      order: 1,
      steps: [160, 320, 640],
      config: { predictor_order: 1, corrector_order: 1 },
      planOptions,
      exactCalls: 1,
    },
    { order: 2, steps: [80, 160, 320], planOptions, exactCalls: 2 },
    { order: 3, steps: [20, 40, 80], config: { corrector_order: 3 }, planOptions, exactCalls: 3 },
    {
      order: 4,
      steps: [10, 20, 40],
      config: { predictor_order: 3, corrector_order: 4 },
      planOptions,
      exactCalls: 4,
    },
  ],
  // the standard deviation of 16384 samples is uncertain by 0.6 %, the steps add theirs
  distribution: { steps: 100, tolerance: 0.02 },
});

const isHigh = ({ config }: SchedulerRecord): boolean =>
  Number(config["predictor_order"]) > 2 || Number(config["corrector_order"]) > 2;
const [high, low] = [true, false].map((wanted) => ({
  ...goldens,
  cases: (goldens.cases as SchedulerRecord[]).filter((record) => isHigh(record) === wanted),
}));

// Roundings of float32; λ' − λ is a small difference of logarithms.
testAgainstDiffusers(SASolverScheduler, low!, { tolerance: 1e-5 });

// The reference's weights of order 3 and 4 are differences of large float32 terms; here float64.
testAgainstDiffusers(SASolverScheduler, high!, { tolerance: 2e-4 });

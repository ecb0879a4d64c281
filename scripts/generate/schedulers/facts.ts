import {
  Generator,
  type Registry,
  type Scheduler,
  type SchedulerClass,
  Tensor,
} from "@denoise/core";
import { noiseLevel } from "@denoise/testing";

/** What is to be said of a scheduler at a glance. */
export interface SchedulerFacts {
  readonly className: string;
  readonly package: string;
  /** Model calls of one step. */
  readonly calls: number;
  /** Whether it draws noise on the way, with the options it has by default. */
  readonly stochastic: boolean;
  /** What it can be given instead of a number of steps. */
  readonly takes: readonly string[];
  /** Noise in units of the signal at each model call of a run; empty where that has no meaning. */
  readonly levels: readonly number[];
}

/** Options without defaults, of schedulers of token ids. */
const REQUIRED = { num_vec_classes: 64, mask_token_id: 63 };

/** The config that schedulers take over: Stable Diffusion 1.5's. */
const CONFIG = {
  ...REQUIRED,
  beta_start: 0.00085,
  beta_end: 0.012,
  beta_schedule: "scaled_linear",
  num_train_timesteps: 1000,
};

/** Every scheduler of the registry, measured in a run of that many steps. */
export async function allFacts(registry: Registry, steps: number): Promise<SchedulerFacts[]> {
  const facts: SchedulerFacts[] = [];
  for (const name of registry.names("scheduler")) {
    const Class = await registry.get(name, "scheduler") as SchedulerClass;
    if (Class.className !== name) continue;
    facts.push(factsOf(Class, registry.packageOf(name)!, steps));
  }
  return facts;
}

function factsOf(Class: SchedulerClass, name: string, steps: number): SchedulerFacts {
  const scheduler = attempt(() => Class.fromConfig(CONFIG), Class.fromConfig(REQUIRED));
  return {
    className: Class.className,
    package: name,
    calls: scheduler.order,
    stochastic: PROBES.some((probe) => attempt(() => isStochastic(scheduler, probe), false)),
    takes: ["timesteps", "sigmas"].filter((option) => scheduler.takesPlanOption(option)),
    levels: attempt(() => levelsOf(scheduler, steps), []),
  };
}

/** First sample and model output of a run: of numbers, or of token ids. */
interface Probe {
  readonly sample: Tensor;
  readonly output: Tensor;
}

const NUMBERS = new Generator(0).randn([1, 4, 4, 4]);
const PROBES: readonly Probe[] = [
  { sample: NUMBERS, output: NUMBERS.mul(0.1) },
  { sample: Tensor.full([1, 4, 4], 63, "int64"), output: new Generator(0).randn([1, 63, 4, 4]) },
];

/** Schedulers of token ids have neither noise levels nor a step on numbers. */
function attempt<T>(measure: () => T, otherwise: T): T {
  try {
    return measure();
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) return otherwise;
    throw error;
  }
}

function levelsOf(scheduler: Scheduler, steps: number): number[] {
  scheduler.setTimesteps(steps);
  return scheduler.timesteps.map((timestep, i) => {
    const own = scheduler.clone();
    own.setTimesteps(steps);
    own.setBeginIndex(i);
    const { alpha, sigma } = noiseLevel(own, timestep);
    return sigma / alpha;
  }).filter((level) => Number.isFinite(level) && level > 0);
}

function isStochastic(scheduler: Scheduler, { sample: first, output }: Probe): boolean {
  const inpainting = { originalImage: first, mask: first.mul(0).add(0.5) }; // half known
  const [one, two] = [1, 2].map((seed) => {
    const own = scheduler.clone();
    own.setTimesteps(4);
    const generator = new Generator(seed);
    const options = { generator, ...(own.takesStepOption("mask") ? inpainting : {}) };
    let sample = first;
    for (const t of own.timesteps) {
      const input = attempt(() => own.addNoiseToInput(sample, t, { generator }).sample, sample);
      sample = own.step(output, t, input, options).prevSample;
    }
    return sample;
  });
  return !one!.equals(two!);
}

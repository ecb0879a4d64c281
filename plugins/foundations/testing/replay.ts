import {
  configValue,
  Generator,
  type PlanRequest,
  type Scheduler,
  type SchedulerClass,
  Tensor,
} from "@denoise/core";
import { check } from "./_check.ts";
import { register } from "./_register.ts";

/** A number; infinities stand as text in JSON. */
export type RecordedNumber = number | string;

/** A run of a scheduler of diffusers, as scripts/reference/scheduler_goldens.py writes it. */
export interface SchedulerRecord {
  /** What is special about it. */
  readonly name: string;
  /** The config it was made with. */
  readonly config: Readonly<Record<string, unknown>>;
  /** A config of another class that it was made from. */
  readonly from?: Readonly<Record<string, unknown>>;
  /** The arguments of `set_timesteps`, under diffusers' names. */
  readonly set_timesteps: Readonly<Record<string, unknown>>;
  /** The options of `step`, under diffusers' names. */
  readonly step?: Readonly<Record<string, unknown>>;
  /** The step that the run begins at. */
  readonly begin?: number;
  /** What the first noise is multiplied with besides `init_noise_sigma`. */
  readonly scale?: number;
  /** Whether timesteps that rise are steps undone. */
  readonly undoes?: boolean;
  /** Whether noise is added before each step, which is then corrected. */
  readonly churns?: boolean;
  /** Options of `step` that are tensors: the bias, or 1 where it is above 0 and 0 elsewhere. */
  readonly tensors?: Readonly<Record<string, string>>;
  /**
   * What the model gives for samples that are token ids, all masked at first: `"logits"` or
   * `"log probabilities"`, bias · (10 + t) in the shape of the record.
   */
  readonly tokens?: string;
  /** The shape of the sample. */
  readonly shape: readonly number[];
  /** The seed of first sample and bias; the one after it is that of the steps' noise. */
  readonly seed: number;
  /** What diffusers raised. */
  readonly error?: string;
  /** The plan's timesteps. */
  readonly timesteps?: readonly RecordedNumber[];
  /** The plan's sigmas. */
  readonly sigmas?: readonly RecordedNumber[] | null;
  /** The plan's `init_noise_sigma`. */
  readonly init_noise_sigma?: RecordedNumber;
  /** The sample after each step: float32, base64. */
  readonly prev_samples?: string;
  /** Of all samples but the last every so manyth number is kept. All of them by default. */
  readonly every?: number;
  /** The clean sample as predicted at the last step. */
  readonly last_pred_original?: string;
  /** `add_noise(bias, sample, timesteps)`. */
  readonly add_noise?: { readonly timesteps: readonly RecordedNumber[]; readonly result: string };
  /** `get_velocity(sample, bias, timesteps)`. */
  readonly get_velocity?: {
    readonly timesteps: readonly RecordedNumber[];
    readonly result: string;
  };
  /** What printing the scheduler gives. */
  readonly string?: string;
  /** `batch_step_no_noise(model(sample, 0), timesteps, sample)`. */
  readonly batch_step?: { readonly timesteps: readonly RecordedNumber[]; readonly result: string };
}

/** How far a replayed run is from its record, relative to the largest value where that is above 1. */
export interface ReplayDifference {
  /** Largest difference of samples and predicted clean samples. */
  readonly samples: number;
  /** Largest difference of timesteps, sigmas and the first noise's factor. */
  readonly plan: number;
  /** The largest number that a step started from; its rounding error stays in the steps after. */
  readonly largest: number;
}

function camelCase(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entries = Object.entries(options).map(([key, value]) => [
    key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    value,
  ]);
  return Object.fromEntries(entries);
}

function decode(text: string): Float32Array {
  const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}

function largestOf(values: ArrayLike<number | bigint>): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(Number(values[i])));
  return largest;
}

function difference(actual: ArrayLike<number>, expected: ArrayLike<RecordedNumber>): number {
  if (actual.length !== expected.length) return Infinity;
  let [largest, scale] = [0, 1];
  for (let i = 0; i < actual.length; i++) {
    const wanted = Number(expected[i]);
    if (Number.isFinite(wanted)) scale = Math.max(scale, Math.abs(wanted));
    if (actual[i] === wanted) continue;
    const distance = Math.abs(actual[i]! - wanted);
    largest = distance <= largest ? largest : distance;
  }
  return largest / scale;
}

/**
 * Timesteps with the recorded one where it is an integer beside the plan's: a fractional timestep
 * that lies on the edge between two integers falls either way, by a float32 rounding error.
 */
function alignTimesteps(own: readonly number[], recorded: readonly RecordedNumber[]): number[] {
  return own.map((t, i) => {
    const other = Number(recorded[i]);
    return Number.isInteger(t) && Math.abs(t - other) === 1 ? other : t;
  });
}

/** The recorded model: round(round(x · c) + bias), c = float32(1 / (1 + t / 1000)). */
function fakeModel(x: Tensor, timestep: number, bias: Tensor, hasVariance: boolean): Tensor {
  const output = x.mul(Math.fround(1 / (1 + timestep / 1000))).add(bias);
  return hasVariance ? Tensor.cat([output, output.abs().clamp(-Infinity, 1)], 1) : output;
}

/** The recorded model of token ids, whatever they are. */
function tokenModel(kind: string, timestep: number, bias: Tensor): Tensor {
  const scores = bias.mul(10 + timestep);
  if (kind === "logits") return scores;
  const total = scores.astype("float64").exp().sum(1, { keepDims: true });
  return scores.sub(total.log().astype("float32"));
}

/** The first sample: token ids that are all masked, or noise. */
function firstSample(scheduler: Scheduler, record: SchedulerRecord, noise: Tensor): Tensor {
  if (record.tokens === undefined) {
    return noise.mul(record.scale ?? 1).mul(scheduler.initNoiseSigma);
  }
  const mask = configValue(scheduler.config, "mask_token_id") ??
    Number(configValue(scheduler.config, "num_vec_classes")) - 1;
  return Tensor.full(record.shape.toSpliced(1, 1), Number(mask), "int64");
}

function infinities(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(config).map((
      [key, value],
    ) => [key, /^-?Infinity$/.test(String(value)) ? Number(value) : value]),
  );
}

/** The scheduler of a record. */
function schedulerOf<C extends object>(
  SchedulerClass: SchedulerClass<C>,
  record: SchedulerRecord,
): Scheduler {
  const config = infinities(record.config) as Partial<C>;
  return record.from === undefined
    ? new SchedulerClass(config)
    : SchedulerClass.fromConfig(record.from, config);
}

/**
 * Takes the steps of a record again and measures the differences.
 *
 * @param scheduler One as the record's, or its class.
 * @throws what the scheduler throws.
 */
export function replay<C extends object>(
  scheduler: Scheduler | SchedulerClass<C>,
  record: SchedulerRecord,
): ReplayDifference {
  return typeof scheduler === "function"
    ? replayOn(schedulerOf(scheduler, record), record)
    : replayOn(scheduler, record);
}

/** Whether it prints what diffusers prints, as far as options in JSON say which numbers are floats. */
function prints(scheduler: Scheduler, { string, config, from }: SchedulerRecord): boolean {
  if (string === undefined || String(scheduler) === string) return true;
  const isDefault = from === undefined && Object.keys(config).length === 0;
  const whole = (text: string) => text.replace(/(\d)\.0(?=,?\n)/g, "$1");
  return !isDefault && whole(String(scheduler)) === whole(string);
}

function replayOn(scheduler: Scheduler, record: SchedulerRecord): ReplayDifference {
  const { numInferenceSteps, ...planOptions } = camelCase(record.set_timesteps);
  scheduler.setTimesteps(numInferenceSteps as number | undefined, planOptions as PlanRequest);
  const begin = (record.begin ?? 0) * scheduler.order;
  if (begin > 0) scheduler.setBeginIndex(begin);

  const draw = Generator.manualSeed(record.seed);
  const first = draw.randn(record.shape);
  const bias = draw.randn(record.shape).mul(0.2);
  let sample = firstSample(scheduler, record, first);
  const { timesteps: recorded = [] } = record;
  const aligned = alignTimesteps(scheduler.timesteps, recorded);
  const plan = Math.max(
    difference(aligned, recorded),
    record.sigmas ? difference(scheduler.sigmas ?? [], record.sigmas) : 0,
    difference([scheduler.initNoiseSigma], [record.init_noise_sigma ?? 1]),
  );
  let samples = 0;
  const compare = (tensor: Tensor | undefined, expected: Float32Array, every = 1): void => {
    const numbers = tensor?.toFloat32Array().filter((_, i) => i % every === 0) ?? [];
    samples = Math.max(samples, difference(numbers, expected));
  };
  // recorded timesteps by their places, since they may be a rounding error away from the plan's
  const own = (timesteps: readonly RecordedNumber[]): number[] =>
    timesteps.map((t) => scheduler.timesteps[recorded.indexOf(t)] ?? Number(t));
  if (record.add_noise !== undefined) {
    const { timesteps, result } = record.add_noise;
    compare(scheduler.addNoise(bias, sample, own(timesteps)), decode(result));
  }
  if (record.get_velocity !== undefined) {
    const { timesteps, result } = record.get_velocity;
    compare(scheduler.getVelocity(sample, bias, own(timesteps)), decode(result));
  }

  const hasVariance = String(configValue(scheduler.config, "variance_type")).startsWith("learned");
  if (record.batch_step !== undefined) {
    const { timesteps, result } = record.batch_step;
    const output = fakeModel(sample, 0, bias, hasVariance);
    compare(scheduler.batchStepNoNoise(output, own(timesteps), sample), decode(result));
  }
  const generator = Generator.manualSeed(record.seed + 1);
  const tensors = Object.entries(record.tensors ?? {}).map(([name, source]) => [
    name,
    source === "bias" ? bias : bias.map((value) => (value > 0 ? 1 : 0)),
  ]);
  const options = {
    ...camelCase({ ...record.step, ...Object.fromEntries(tensors) }),
    generator,
  };
  const corrections = Number(configValue(scheduler.config, "correct_steps") ?? 0);
  const modelAt = (x: Tensor, timestep: number): Tensor =>
    record.tokens === undefined
      ? fakeModel(x, timestep, bias, hasVariance)
      : tokenModel(record.tokens, timestep, bias);
  const expected = decode(record.prev_samples ?? "");
  let predOriginalSample: Tensor | undefined;
  let largest = 0;
  let compared = 0;
  scheduler.timesteps.slice(begin).forEach((timestep, i) => {
    const at = aligned[begin + i]!;
    const before = scheduler.timesteps[begin + i - 1] ?? Infinity;
    if (record.undoes && timestep > before) {
      sample = scheduler.undoStep(sample, before, { generator });
    } else {
      for (let k = 0; k < corrections; k++) {
        sample = scheduler.stepCorrect(modelAt(sample, at), sample, { generator });
      }
      const noisy = record.churns
        ? scheduler.addNoiseToInput(sample, timestep, { generator })
        : undefined;
      const input = noisy?.sample ?? sample;
      const output = modelAt(scheduler.scaleModelInput(input, timestep), at);
      const more = noisy && { sigmaHat: noisy.sigma };
      const result = scheduler.step(output, timestep, input, { ...options, ...more });
      largest = Math.max(largest, largestOf(input.data));
      sample = result.prevSample;
      predOriginalSample = result.predOriginalSample;
      if (noisy !== undefined && scheduler.sigmas![begin + i + 1]! > 0) {
        sample = scheduler.stepCorrect(modelAt(sample, at), sample);
      }
    }
    const isLast = begin + i === scheduler.timesteps.length - 1;
    const every = isLast ? 1 : record.every ?? 1;
    const kept = Math.ceil(sample.size / every);
    compare(sample, expected.subarray(compared, compared += kept), every);
  });
  if (record.last_pred_original !== undefined) {
    compare(predOriginalSample, decode(record.last_pred_original));
  }
  return { samples, plan, largest };
}

/** Records and where they come from. */
export interface SchedulerGoldens {
  /** Versions of the reference. */
  readonly versions: Readonly<Record<string, string>>;
  /** The command that wrote them. */
  readonly command: string;
  /** The class that was run. */
  readonly className: string;
  /** The runs. */
  readonly cases: readonly SchedulerRecord[];
}

/** How closely records are followed. */
export interface ReplayOptions {
  /** Largest difference of the samples. */
  readonly tolerance: number;
  /**
   * The same for `rescale_betas_zero_snr`. Defaults to 5e-5. torch's square roots are a unit in
   * the last place off now and then (on processors with AVX-512, one in five), and the rescaled
   * schedule takes differences of them and begins at σ = 4096.
   */
  readonly rescaledTolerance?: number;
  /**
   * Largest difference of timesteps and sigmas; 3e-6 by default: they are float32, and
   * timesteps found for a sigma depend on small differences of its logarithm.
   */
  readonly planTolerance?: number;
}

/**
 * One test that takes all recorded runs again: each is within the tolerance, or fails where
 * diffusers fails.
 *
 * @param goldens What scripts/reference/scheduler_goldens.py wrote for the class.
 */
export function testAgainstDiffusers<C extends object>(
  SchedulerClass: SchedulerClass<C>,
  goldens: SchedulerGoldens,
  options: ReplayOptions,
): void {
  const { planTolerance = 3e-6, rescaledTolerance = 5e-5 } = options;
  const verdict = (record: SchedulerRecord): string | undefined => {
    const tolerance = record.config["rescale_betas_zero_snr"]
      ? rescaledTolerance
      : options.tolerance;
    try {
      const scheduler = schedulerOf(SchedulerClass, record);
      if (!prints(scheduler, record)) return `it prints ${scheduler}, not ${record.string}`;
      const { samples, plan } = replay(scheduler, record);
      if (record.error !== undefined) return `diffusers refuses it: ${record.error}`;
      if (!(plan <= planTolerance)) {
        return `the plan differs by ${plan}, more than ${planTolerance}`;
      }
      if (samples <= tolerance) return undefined;
      return `the samples differ by ${samples}, more than ${tolerance}`;
    } catch (error) {
      return record.error === undefined ? String(error) : undefined;
    }
  };
  const { cases, versions } = goldens;
  const title = `${SchedulerClass.className} does as diffusers ${versions["diffusers"]} does in ` +
    `${cases.length} runs`;
  const fn = () => {
    const wrong = cases.flatMap((record) => {
      const reason = verdict(record);
      return reason === undefined ? [] : [`${record.name}: ${reason}`];
    });
    check(wrong.length === 0, wrong.join("\n"));
  };
  register([{ name: title, fn }]);
}

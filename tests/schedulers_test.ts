/**
 * Whole runs of every scheduler that tests/golden/schedulers has records of, against diffusers.
 *
 * @module
 */
import { describe, it } from "@std/testing/bdd";
import { assertEquals } from "@std/assert";
import { Generator, type Scheduler, type SchedulerClass, Tensor } from "@denoise/core";
import { type BetaConfig, makeNoiseSchedule } from "@denoise/schedules";
import { registry } from "@denoise/denoise/registry";
import { writeTree } from "./support/files.ts";
import { assertWithin, camelKeys, decodeFloats, largest, readJson } from "./support/golden.ts";

type Options = Record<string, unknown>;

/** A run of the reference; tests/golden/README.md says what the keys mean. */
interface Run {
  class_name: string;
  name: string;
  config: Options;
  from?: Options & { _class_name: string };
  through?: "memory" | "disk";
  set_timesteps: Options & { num_inference_steps?: number };
  step?: Options;
  begin?: number;
  shape: number[];
  seed: number;
  string: string;
  betas_sha256: string;
  alphas_cumprod_sha256: string;
  timesteps: number[];
  sigmas: number[] | null;
  init_noise_sigma: number;
  order: number;
  sample: string;
  bias: string;
  steps: { prev_sample: string; pred_original_sample?: string }[];
  add_noise?: { timesteps: number[]; result: string };
  get_velocity?: { timesteps: number[]; result: string };
}

// Both sides compute in float32, so that each step adds an ulp or two of the larger of the samples
// before and after it; 1e-6 of that sample holds over whole runs. torch's vectorised square roots are
// themselves an ulp off at one number of seven, and an ulp of the largest sample so far stays: that
// is more only with zero terminal SNR, where the first step comes down from σ 4096 to 18.
const TRAJECTORY = 1e-6;
const ULP = 2 ** -23;
// Timesteps and sigmas come out of a few float32 roots and logarithms, each an ulp off at times.
const PLAN = 1e-6;

const CLASSES = ["DDPMScheduler", "DDIMScheduler", "PNDMScheduler", "EulerDiscreteScheduler"];

async function schedulerClass(name: string): Promise<SchedulerClass> {
  return await registry.get(name, "scheduler", "a test") as SchedulerClass;
}

async function make(run: Run): Promise<Scheduler> {
  const Class = await schedulerClass(run.class_name);
  if (run.from === undefined) return new Class(run.config);
  if (run.through === undefined) return Class.fromConfig(run.from, run.config);
  const First = await schedulerClass(run.from._class_name);
  const first = First.fromConfig(run.from);
  if (run.through === "memory") return Class.fromConfig(first.config, run.config);
  await using folder = await writeTree({});
  await first.savePretrained(folder.path);
  return await Class.fromPretrained(folder.path);
}

/** The formula that stands for a model; see tests/golden/README.md. */
function fakeModel(x: Tensor, t: number, bias: Tensor, learnedVariance: boolean): Tensor {
  const output = x.mul(Math.fround(1 / (1 + t / 1000))).add(bias);
  return learnedVariance ? Tensor.cat([output, output.abs().clamp(0, 1)], 1) : output;
}

function scaleOf(tensor: Tensor): number {
  return Math.max(1, ...tensor.toFloat32Array().map(Math.abs));
}

function assertNear(
  actual: Tensor,
  expected: Tensor,
  what: string,
  scale: number = scaleOf(expected),
): void {
  assertWithin(largest(actual, expected) / scale, TRAJECTORY, what);
}

function assertNumbers(actual: readonly number[], expected: readonly number[], what: string) {
  assertEquals(actual.length, expected.length, `number of ${what}`);
  for (const [i, value] of actual.entries()) {
    const wanted = expected[i]!;
    assertWithin(Math.abs(value - wanted) / Math.max(1, Math.abs(wanted)), PLAN, `${what} ${i}`);
  }
}

function replay(scheduler: Scheduler, run: Run): void {
  const { num_inference_steps, ...plan } = run.set_timesteps;
  scheduler.setTimesteps(num_inference_steps, camelKeys(plan));
  const begin = (run.begin ?? 0) * run.order;
  if (begin > 0) scheduler.setBeginIndex(begin);
  assertEquals(scheduler.order, run.order);
  assertNumbers(scheduler.timesteps, run.timesteps, "timesteps");
  if (scheduler.sigmas && run.sigmas) assertNumbers(scheduler.sigmas, run.sigmas, "sigmas");
  assertNumbers([scheduler.initNoiseSigma], [run.init_noise_sigma], "init_noise_sigma");

  // the timesteps of this side at the places of the reference's, which may be an ulp away
  const own = (timesteps: readonly number[]) =>
    timesteps.map((t) => scheduler.timesteps[run.timesteps.indexOf(t)]!);
  let sample = decodeFloats(run.sample, run.shape);
  const bias = decodeFloats(run.bias, run.shape);
  if (run.add_noise) {
    const noisy = scheduler.addNoise(bias, sample, own(run.add_noise.timesteps));
    assertNear(noisy, decodeFloats(run.add_noise.result, run.shape), "addNoise");
  }
  if (run.get_velocity) {
    const velocity = scheduler.getVelocity(sample, bias, own(run.get_velocity.timesteps));
    assertNear(velocity, decodeFloats(run.get_velocity.result, run.shape), "getVelocity");
  }
  let highest = 0;
  const learned = String(run.config["variance_type"] ?? "").startsWith("learned");
  const options = { ...camelKeys(run.step ?? {}), generator: new Generator(run.seed + 1) };
  for (const [i, timestep] of scheduler.timesteps.slice(begin).entries()) {
    const x = scheduler.scaleModelInput(sample, timestep);
    const result = scheduler.step(fakeModel(x, timestep, bias, learned), timestep, sample, options);
    const wanted = run.steps[i]!;
    const expected = decodeFloats(wanted.prev_sample, run.shape);
    highest = Math.max(highest, scaleOf(sample));
    const scale = Math.max(scaleOf(sample), scaleOf(expected), highest * ULP / TRAJECTORY);
    sample = result.prevSample;
    assertNear(sample, expected, `step ${i}`, scale);
    if (wanted.pred_original_sample && result.predOriginalSample) {
      const clean = decodeFloats(wanted.pred_original_sample, run.shape);
      const what = `predOriginalSample of step ${i}`;
      assertNear(result.predOriginalSample, clean, what, Math.max(scale, scaleOf(clean)));
    }
  }
  assertEquals(run.steps.length, scheduler.timesteps.length - begin);
}

async function sha256(numbers: Float32Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new Float32Array(numbers).buffer);
  return new Uint8Array(digest).toHex();
}

for (const className of CLASSES) {
  const { cases } = await readJson<{ cases: Run[] }>(`schedulers/${className}.json`);
  describe(`${className} equals diffusers over a whole run`, () => {
    for (const run of cases) it(run.name, async () => replay(await make(run), run));
  });
  describe(`String(${className}) is what diffusers prints`, () => {
    for (const run of cases) {
      it(run.name, async () => assertEquals(String(await make(run)), run.string));
    }
  });
  describe(`${className} has the betas of diffusers bit for bit`, () => {
    // rescaling takes square roots of whole vectors, which torch rounds otherwise on some machines
    const plain = cases.filter(({ config }) => !config["rescale_betas_zero_snr"]);
    for (const run of plain) {
      it(run.name, async () => {
        const schedule = makeNoiseSchedule((await make(run)).config as unknown as BetaConfig);
        assertEquals(await sha256(schedule.betas), run.betas_sha256);
        assertEquals(await sha256(schedule.alphasCumprod), run.alphas_cumprod_sha256);
      });
    }
  });
}

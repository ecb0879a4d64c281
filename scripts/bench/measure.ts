/**
 * One measurement of denoise in a process of its own; measure.py is the same for the reference.
 *
 * @module
 */
import {
  AutoencoderKL,
  type LoadOptions,
  randn,
  StableDiffusionPipeline,
  type Tensor,
  UNet2DConditionModel,
} from "@denoise/denoise";
import type { DenoiserConfig } from "@denoise/diffusion";
import type { Denoiser } from "@denoise/roles";

const threads = Number(Deno.env.get("DENOISE_BENCH_THREADS"));
const column = Deno.env.get("DENOISE_BENCH_COLUMN");
const settings: LoadOptions = {
  threads,
  ...(column === "int8" || column === "int4" ? { quantization: column } : { optimize: "speed" }),
};
const PROMPT = "a red apple on a blue background";

function say(line: Record<string, number>): void {
  console.log(JSON.stringify(line));
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

async function load(repo: string, parts: { unet?: Denoiser<DenoiserConfig> } = {}) {
  const options = { ...settings, useSafetensors: true, safetyChecker: null, ...parts };
  return await StableDiffusionPipeline.fromPretrained(repo, options);
}

/** The first call starts the session; what it takes beyond the others is given apart. */
async function calls(start: number, count: number, call: () => Promise<unknown>): Promise<void> {
  await call();
  const first = (performance.now() - start) / 1000;
  const times: number[] = [];
  for (let i = 0; i < count; i++) times.push(await timed(call));
  times.forEach((seconds) => say({ seconds }));
  say({ session: first - times.toSorted((a, b) => a - b)[Math.floor(count / 2)]! });
}

async function vae(repo: string, pixels: string, count: string): Promise<void> {
  const start = performance.now();
  const model = await AutoencoderKL.fromPretrained(repo, { subfolder: "vae", ...settings });
  const latents = randn([1, 4, Number(pixels) / 8, Number(pixels) / 8]);
  await calls(start, Number(count), () => model.decode(latents));
}

/** Loads everything and draws once, so that what is made once is in the cache. */
async function prepare(repo: string): Promise<void> {
  const pipe = await load(repo);
  await pipe(PROMPT, { numInferenceSteps: 1, height: 64, width: 64, outputType: "tensor" });
}

async function image(repo: string, pixels: string, steps: string): Promise<void> {
  const pipe = await load(repo);
  const size = { height: Number(pixels), width: Number(pixels) };
  const run = () => pipe(PROMPT, { ...size, numInferenceSteps: Number(steps), seed: 0 });
  say({ seconds: await timed(run) });
}

async function unet(repo: string, size: string, count: string): Promise<void> {
  const start = performance.now();
  const model = await UNet2DConditionModel.fromPretrained(repo, { subfolder: "unet", ...settings });
  const sample = randn([1, model.config.in_channels as number, Number(size), Number(size)]);
  const encoderHiddenStates = randn([1, 77, model.config.cross_attention_dim as number]);
  await calls(start, Number(count), () => model.forward(sample, 981, { encoderHiddenStates }));
}

async function firstStep(repo: string, size: string): Promise<void> {
  const pipe = await load(repo);
  const pixels = Number(size) * 8;
  const steps = pipe.stream(PROMPT, { height: pixels, width: pixels, numInferenceSteps: 50 });
  await steps.next();
  say({ step: 0 });
}

async function pipeline(repo: string, steps: string, runs: string): Promise<void> {
  const pipe = await load(repo);
  const run = () => pipe(PROMPT, { numInferenceSteps: Number(steps), seed: 0 });
  await run();
  for (let i = 0; i < Number(runs); i++) say({ seconds: await timed(run) });
}

/** Everything of a step but the UNet: its place is taken by one that gives a ready tensor. */
async function overhead(repo: string, size: string, steps: string): Promise<void> {
  const sample: Tensor = randn([2, 4, Number(size), Number(size)]);
  const ready = {
    className: "UNet2DConditionModel",
    config: { in_channels: 4, sample_size: Number(size), time_cond_proj_dim: null },
    forward: () => Promise.resolve({ sample }),
  } as unknown as Denoiser<DenoiserConfig>;
  const pipe = await load(repo, { unet: ready });
  const options = { numInferenceSteps: Number(steps), outputType: "latent" } as const;
  let before: number | undefined;
  for await (const _ of pipe.stream(PROMPT, options)) {
    const now = performance.now();
    if (before !== undefined) say({ seconds: (now - before) / 1000 });
    before = now;
  }
}

async function peakBytes(): Promise<number> {
  const status = await Deno.readTextFile("/proc/self/status");
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)![1]) * 1024;
}

const [measure, ...args] = Deno.args as [string, string, string, string];
const measures = { prepare, unet, vae, image, "first-step": firstStep, pipeline, overhead };
await measures[measure as keyof typeof measures](...args);
say({ peak_bytes: await peakBytes() });
Deno.exit(0);

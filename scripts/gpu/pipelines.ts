/**
 * `pipelines.ts OUT DEVICE DTYPE [LOAD]`: whole pipelines on a device, a line of JSON for each: the tasks
 * of tests/golden against the reference, and the embedded model against the CPU.
 *
 * @module
 */
import type { LoadOptions } from "@denoise/core";
import type { AnyPipeline } from "@denoise/loading";
import { DiffusionPipeline, StableDiffusionPipeline } from "@denoise/denoise";
import { registry } from "@denoise/denoise/registry";
import { fixture, type Golden, readGolden } from "../../tests/support/golden.ts";
import {
  compareImages,
  type PipelineCall,
  type PipelineGolden,
  swapScheduler,
} from "../../tests/support/pipelines.ts";
import { compareTask, loadTask, type Task } from "../../tests/support/tasks.ts";
import { lines } from "./lines.ts";

/** One call of a pipeline. */
export interface PipelineLine {
  readonly pipeline: string;
  readonly case: string;
  /** The largest difference of a pixel, of 255. */
  readonly pixels?: number;
  /** The peak signal-to-noise ratio against the CPU, in dB. */
  readonly psnr?: number;
  /** A whole call, the model calls in it, and what is left for a step, in ms. */
  readonly ms?: number;
  readonly modelMs?: number;
  readonly stepOverheadMs?: number;
  readonly error?: string;
}

/** Some calls of those of tests/golden that differ in what they run: texts, images, masks, ControlNets, noise. */
const REPOS = ["tiny-ddpm", "tiny-stable-diffusion"];
const TASKS = ["img2img-v", "controlnet", "controlnet-xl", "inpaint-9", "lcm", "upscale"];
const CALLS = 2;

type Write = (line: PipelineLine) => void;

async function attempt(pipeline: string, name: string, write: Write, work: () => Promise<object>) {
  try {
    const result = await work();
    if (Object.keys(result).length > 0) write({ pipeline, case: name, ...result });
  } catch (error) {
    write({ pipeline, case: name, error: `${(error as Error).message}`.slice(0, 400) });
  }
}

async function repos(device: string, options: object, write: Write): Promise<void> {
  for (const repo of REPOS) {
    const golden: PipelineGolden = await readGolden(`pipelines/${repo}`);
    await attempt(repo, "load", write, async () => {
      const pipe = await DiffusionPipeline.fromPretrained(fixture(repo), {
        onWarning: () => {},
        ...options,
      }) as AnyPipeline;
      await pipe.to(device as "cuda");
      const own = pipe.scheduler;
      for (const one of golden.head.cases.slice(0, CALLS)) {
        await attempt(repo, one.name, write, async () => {
          pipe.scheduler = own;
          await swapScheduler(pipe, one, registry);
          return { pixels: (await compareImages(pipe, one, golden)).pixels };
        });
      }
      await pipe.dispose();
      return {};
    });
  }
}

async function tasks(device: string, options: object, write: Write): Promise<void> {
  for (const name of TASKS) {
    const found = await readGolden<Task>(`tasks/${name}`).catch(() => undefined);
    if (found === undefined) continue;
    const golden: Golden<Task> = found;
    await attempt(name, "load", write, async () => {
      const pipe = await loadTask(golden.head, options);
      await pipe.to(device as "cuda");
      const own = pipe.scheduler;
      for (const one of golden.head.cases.slice(0, CALLS)) {
        await attempt(name, one.name, write, async () => {
          pipe.scheduler = own;
          await swapScheduler(pipe, { ...one, call: {} } as PipelineCall, registry);
          return { pixels: (await compareTask(pipe, one, golden)).pixels };
        });
      }
      await pipe.dispose();
      return {};
    });
  }
}

const STEPS = 25;

/** The embedded model's image of a prompt on both devices, and what a step takes beside its model. */
async function emoji(device: string, options: object, write: Write): Promise<void> {
  await attempt("denoise/emoji", `${STEPS} steps`, write, async () => {
    const draw = async (where: string, more: object) => {
      const pipe = await StableDiffusionPipeline.fromPretrained("denoise/emoji", more);
      await pipe.to(where as "cuda");
      const unet = pipe.components.unet as { forward(...args: unknown[]): Promise<unknown> };
      let modelMs = 0;
      const forward = unet.forward.bind(unet);
      unet.forward = async (...args) => {
        const start = performance.now();
        try {
          return await forward(...args);
        } finally {
          modelMs += performance.now() - start;
        }
      };
      const call = () =>
        pipe("red apple on a blue background", { numInferenceSteps: STEPS, seed: 7 });
      await call();
      modelMs = 0;
      const start = performance.now();
      const image = (await call()).images[0]!.data;
      const ms = performance.now() - start;
      await pipe.dispose();
      return { image, ms, modelMs };
    };
    const expected = await draw("cpu", {});
    const actual = await draw(device, options);
    const squares = actual.image.reduce((sum, x, i) => sum + (x - expected.image[i]!) ** 2, 0);
    return {
      pixels: actual.image.reduce((so, x, i) => Math.max(so, Math.abs(x - expected.image[i]!)), 0),
      psnr: Number((10 * Math.log10(255 ** 2 / (squares / actual.image.length))).toFixed(1)),
      ms: Math.round(actual.ms),
      modelMs: Math.round(actual.modelMs),
      stepOverheadMs: Number(((actual.ms - actual.modelMs) / STEPS).toFixed(2)),
    };
  });
}

if (import.meta.main) {
  const [out, device, dtype, load = "{}"] = Deno.args;
  const options = { torchDtype: dtype, ...JSON.parse(load) } as LoadOptions;
  using file = lines<PipelineLine>(out!);
  await emoji(device!, options, file.write);
  if (dtype === "float32") {
    await repos(device!, options, file.write);
    await tasks(device!, options, file.write);
  }
}

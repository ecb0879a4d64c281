import {
  type Generator,
  type ImageOutput,
  type ImageSize,
  type PipelineRun,
  type PipelineStep,
  randnTensor,
  type Recipe,
  type Scheduler,
  Tensor,
} from "@denoise/core";
import {
  batchNoise,
  denoise,
  type DenoisingLoop,
  describeRun,
  finishLatents,
  initialLatents,
  latentDims,
  type LatentRun,
  previewLatents,
  type Prompt,
  retrieveTimesteps,
  stepOptions,
  timestepsUpTo,
} from "@denoise/diffusion";
import { type BetaConfig, makeNoiseSchedule } from "@denoise/schedules";
import { predictByUNet, type TextUNet, type UNetConditioning } from "@denoise/stable-diffusion";
import type { VideoZeroOptions } from "./options.ts";
import { warpLatents } from "./warp.ts";

/** What the denoiser of a series is given for its text. */
export interface FramesText {
  /** Whether it is called for `[uncond, text]` at once. */
  readonly guidance: boolean;
  /** How closely the text is followed. */
  readonly guidanceScale: number;
  /** Of one image: each of one row, or with guidance of two. */
  readonly conditioning: UNetConditioning;
}

/** What a series is made with beside what decodes it. */
export interface FramesComponents {
  /** UNet2DConditionModel. */
  readonly unet: TextUNet;
  /** Any scheduler for the trained noise. */
  readonly scheduler: Scheduler;
}

/** A call of such a pipeline. */
export type FramesRun = LatentRun & PipelineRun<FramesComponents>;

/** What a series is made of, beside the options that both classes have. */
export interface FramesCall {
  /** What is to be seen. */
  readonly prompt: Prompt | undefined;
  /** What is not to be seen, for recipes. */
  readonly negativePrompt?: Prompt | undefined;
  /** Size of the images in pixels. */
  readonly size: ImageSize;
  /** The text as the denoiser is given it. */
  readonly text: FramesText;
  /** Where the run ends early, 0..1. */
  readonly denoisingEnd?: number | undefined;
}

/**
 * A series of images: the first one is denoised down to step `t0`, moved for the others, noised again up to step
 * `t1`, and from there on all are denoised together.
 *
 * @throws {RangeError} for steps that are not in the run, and for places of another number of images.
 */
export async function* denoiseFrames(
  run: FramesRun,
  options: VideoZeroOptions,
  call: FramesCall,
): AsyncGenerator<PipelineStep, ImageOutput> {
  const { vae, unet, scheduler } = run.components;
  const { videoLength = 8, motionFieldStrengthX: x = 12, motionFieldStrengthY: y = 12 } = options;
  const { t0 = 44, t1 = 47, signal } = options;
  const { text, size, prompt, negativePrompt, denoisingEnd } = call;
  const frameIds = framesOf(options.frameIds, videoLength);
  const timesteps = retrieveTimesteps(scheduler, options);
  checkSteps(t0, t1, timesteps.length);
  const all = conditioningOf(text, videoLength);
  const noise = batchNoise(1, options);
  const generator = [noise.generator].flat()[0] as Generator;
  const settings = stepOptions(scheduler, noise, { eta: options.eta ?? 0 });

  const facts = {
    ...{ steps: options.numInferenceSteps, ...size, guidanceScale: text.guidanceScale },
    ...{ videoLength, motionFieldStrengthX: x, motionFieldStrengthY: y, t0, t1 },
    eta: options.eta,
  };
  const first = describeRun(prompt, { negativePrompt }, facts, noise)(0);
  const recipe = (i: number): Recipe => ({ ...first, frame: frameIds[i] });
  const begin = timesteps.slice(0, -t1 - 1);
  const alone = timesteps.slice(-t1 - 1, -t0 - 1);
  const together = timestepsUpTo(scheduler, timesteps.slice(-t1 - 1), denoisingEnd);
  const total = begin.length + alone.length + together.length;

  const loop = (
    conditioning: UNetConditioning,
    own: Pick<DenoisingLoop, "scheduler" | "timesteps"> & { readonly before: number },
  ): DenoisingLoop => {
    const predict = predictByUNet(unet, { ...conditioning, signal }, text);
    return {
      ...own,
      ...{ settings, options, total },
      predict: async (latents, timestep, index) => {
        const input = own.scheduler.scaleModelInput(latents, timestep);
        return await predict({
          ...{ input, scaled: input, latents, timestep, index },
          control: undefined,
        });
      },
      preview: (stepped) => previewLatents(run, stepped, recipe),
    };
  };

  // both ways go on from here: a second scheduler goes the first steps, too
  const twin = scheduler.clone();
  retrieveTimesteps(twin, options);
  const one = loop(text.conditioning, { scheduler, timesteps: begin, before: 0 });
  const { latents: start } = yield* denoise(
    initialLatents(latentDims(vae, 1, size), noise, scheduler, options.latents),
    {
      ...one,
      async advance(latents, timestep, index) {
        const output = await one.predict(latents, timestep, index);
        twin.step(output, timestep, latents, { ...settings, generator: generator.clone() });
        return scheduler.step(output, timestep, latents, settings);
      },
    },
  );
  const { latents: moving } = yield* denoise(
    start,
    loop(text.conditioning, { scheduler: twin, timesteps: alone, before: begin.length }),
  );
  const others = frameIds.slice(1).map((id) => warpLatents(moving, x * id, y * id));
  const noised = others.length === 0 ? [] : [
    noisedFrom(scheduler, Tensor.cat(others), {
      from: timesteps.at(-t0 - 1)!,
      to: timesteps.at(-t1 - 1)!,
      generator,
    }),
  ];
  const { latents } = yield* denoise(
    Tensor.cat([start, ...noised]),
    loop(all, { scheduler, timesteps: together, before: begin.length + alone.length }),
  );
  return await finishLatents(run, latents, options.outputType, recipe, { generator });
}

/**
 * Refuses what a series cannot be made of.
 *
 * @throws {RangeError} for several prompts.
 */
export function checkOnePrompt(prompt: Prompt | undefined, embeds?: Tensor): void {
  const count = Array.isArray(prompt) ? prompt.length : embeds?.dims[0] ?? 1;
  if (count === 1) return;
  throw new RangeError(
    `Cannot make a series of images of ${count} prompts: give one, and call again for each other`,
  );
}

function framesOf(given: readonly number[] | undefined, count: number): readonly number[] {
  const ids = given ?? Array.from({ length: count }, (_, i) => i);
  if (ids.length === count) return ids;
  throw new RangeError(
    `Cannot make ${count} images at ${ids.length} frameIds: give one for each of videoLength`,
  );
}

function checkSteps(t0: number, t1: number, steps: number): void {
  if (t0 < t1 && t1 < steps) return;
  throw new RangeError(
    `Cannot move latents from t1 ${t1} to t0 ${t0} of ${steps} timesteps: t0 must be smaller than t1, and t1 ` +
      `smaller than the number of timesteps; for fewer steps give smaller ones`,
  );
}

/**
 * The conditioning of so many images, each of which looks at the first one of its half of the rows: with guidance
 * at the first image. Without it diffusers has two halves, too.
 */
function conditioningOf({ guidance, conditioning }: FramesText, frames: number): UNetConditioning {
  const rows = frames * (guidance ? 2 : 1);
  const half = Math.max(1, Math.floor(rows / 2));
  if (rows % half !== 0) {
    throw new RangeError(
      `Cannot make ${frames} images without guidance: as in diffusers each half looks at its first one, so videoLength ` +
        "must be even; or give a guidanceScale above 1",
    );
  }
  const spread = (x: Tensor | undefined) => x?.repeatInterleave(frames, 0);
  return {
    encoderHiddenStates: conditioning.encoderHiddenStates.repeatInterleave(frames, 0),
    timestepCond: spread(conditioning.timestepCond),
    textEmbeds: spread(conditioning.textEmbeds),
    timeIds: spread(conditioning.timeIds),
    attendedRows: Array.from({ length: rows }, (_, i) => i - i % half),
  };
}

/** Latents with as much noise as lies between two timesteps (`forward_loop`). */
function noisedFrom(
  { config }: Scheduler,
  latents: Tensor,
  { from, to, generator }: {
    readonly from: number;
    readonly to: number;
    readonly generator: Generator;
  },
): Tensor {
  const { alphas } = makeNoiseSchedule(config as unknown as BetaConfig);
  const kept = alphas.slice(Math.trunc(from), Math.trunc(to))
    .reduce((product, alpha) => Math.fround(product * alpha), 1);
  const noise = randnTensor(latents.dims, generator);
  return latents.mul(Math.fround(Math.sqrt(kept)))
    .add(noise.mul(Math.fround(Math.sqrt(Math.fround(1 - kept)))));
}

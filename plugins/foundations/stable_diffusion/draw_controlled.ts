import {
  type ControlNetOptions,
  type ControlResiduals,
  type DenoiserOptions,
  type ImageOutput,
  type PipelineRun,
  type PipelineStep,
  type Recipe,
  type RunOptions,
  type StepOptions,
  Tensor,
} from "@denoise/core";
import {
  denoise,
  finishLatents,
  type Guidance,
  type InpaintLatents,
  type LatentRun,
  predictGuided,
  previewLatents,
} from "@denoise/diffusion";
import type { ControlPlan } from "./control.ts";
import type { StableDiffusionComponents } from "./stable_diffusion.ts";

/** A run of a UNet under control, from its first latents. */
export interface ControlledRun {
  /** How the UNet is controlled. */
  readonly plan: ControlPlan;
  /** For each ControlNet float32 [N, 3, H, W] in 0..1. */
  readonly images: readonly Tensor[];
  /** Whether and how the prediction is guided. */
  readonly guidance: Guidance;
  /**
   * The conditioning of the UNet; the ControlNets are told the text of it, which in Stable Diffusion XL
   * has pooled states and sizes.
   */
  readonly conditioning:
    & DenoiserOptions
    & Pick<ControlNetOptions, "encoderHiddenStates" | "textEmbeds" | "timeIds">;
  /** The timesteps to go through. */
  readonly timesteps: readonly number[];
  /** Of how many steps control takes its parts. */
  readonly total: number;
  /** Options of the scheduler's `step`; see {@linkcode stepOptions}. */
  readonly settings: StepOptions;
  /** The recipe of each image. */
  readonly recipe: (index: number) => Recipe;
  /** How a mask takes part; none by default. */
  readonly painting?: Pick<InpaintLatents, "see" | "keep"> | undefined;
}

/** The run from latents to images of a UNet that ControlNets control. */
export async function* drawControlled(
  run: LatentRun & PipelineRun<Pick<StableDiffusionComponents, "unet" | "scheduler">>,
  latents: Tensor,
  controlled: ControlledRun,
  options: RunOptions,
): AsyncGenerator<PipelineStep, ImageOutput> {
  const { unet, scheduler } = run.components;
  const { guidance, conditioning, timesteps, settings, recipe, painting } = controlled;
  const { outputType, signal } = options;
  const { latents: last } = yield* denoise(latents, {
    scheduler,
    timesteps,
    settings,
    options,
    async predict(latents, timestep, index) {
      const scaled = scheduler.scaleModelInput(latents, timestep);
      const residuals = await control(controlled, scaled, index, signal);
      const told = { ...conditioning, ...residuals, signal };
      const seen = painting?.see(scaled) ?? scaled;
      return await predictGuided(guidance, seen, (input) => unet.forward(input, timestep, told));
    },
    keep: ({ prevSample }, index) => painting?.keep(prevSample, timesteps[index + 1]) ?? prevSample,
    preview: (stepped) => previewLatents(run, stepped, recipe),
  });
  return await finishLatents(run, last, outputType, recipe);
}

/** The residuals of a UNet's call. */
interface ControlledCall {
  /** As the UNet takes them. */
  readonly downBlockAdditionalResiduals: readonly Tensor[];
  /** As the UNet takes it. */
  readonly midBlockAdditionalResidual: Tensor;
}

/** What the ControlNets add to one call of the UNet. */
async function control(
  { plan, images, guidance: { guidance }, conditioning, total, timesteps }: ControlledRun,
  input: Tensor,
  index: number,
  signal: AbortSignal | undefined,
): Promise<ControlledCall> {
  const { encoderHiddenStates, textEmbeds, timeIds } = conditioning;
  const timestep = timesteps[index]!;
  const double = guidance && !plan.guessMode;
  const half = guidance && plan.guessMode;
  const told = (x: Tensor) => half ? x.chunk(2)[1]! : x;
  const twice = (x: Tensor) => double ? Tensor.cat([x, x]) : x;
  let sum: ControlResiduals | undefined;
  for (const [i, net] of plan.nets.entries()) {
    const off = index / total < plan.starts[i]! || (index + 1) / total > plan.ends[i]!;
    const residuals = await net.forward(twice(input), timestep, {
      encoderHiddenStates: told(encoderHiddenStates),
      textEmbeds: textEmbeds && told(textEmbeds),
      timeIds: timeIds && told(timeIds),
      controlnetCond: twice(images[i]!),
      conditioningScale: off ? 0 : plan.scales[i]!,
      guessMode: plan.guessMode,
      signal,
    });
    sum = sum === undefined ? residuals : addResiduals(sum, residuals);
  }
  // in guess mode only what follows the text is controlled
  const whole = (x: Tensor) => half ? Tensor.cat([Tensor.zeros(x.dims), x]) : x;
  return {
    downBlockAdditionalResiduals: sum!.downBlockResSamples.map(whole),
    midBlockAdditionalResidual: whole(sum!.midBlockResSample),
  };
}

function addResiduals(a: ControlResiduals, b: ControlResiduals): ControlResiduals {
  return {
    downBlockResSamples: a.downBlockResSamples.map((x, i) => x.add(b.downBlockResSamples[i]!)),
    midBlockResSample: a.midBlockResSample.add(b.midBlockResSample),
  };
}

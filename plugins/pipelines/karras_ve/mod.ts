/**
 * KarrasVePipeline: images out of pure noise by the stochastic sampler of Karras et al., "Elucidating
 * the Design Space of Diffusion-Based Generative Models" (arXiv:2206.00364), algorithm 2, with a model
 * that is called as those of the variance exploding equation are (equation 213 there).
 *
 * @example
 * ```ts ignore
 * import { KarrasVePipeline, KarrasVeScheduler, UNet2DModel } from "@denoise/denoise";
 *
 * const unet = await UNet2DModel.fromPretrained("google/ncsnpp-celebahq-256");
 * const pipe = new KarrasVePipeline({ unet, scheduler: new KarrasVeScheduler() });
 * const { images } = await pipe({ seed: 0, numInferenceSteps: 50 });
 * await images[0].save("face.png");
 * ```
 *
 * @module
 */
import {
  definePipeline,
  type ImageOutput,
  type Pipeline,
  type PipelineClass,
  randnTensor,
  type Scheduler,
  type Tensor,
} from "@denoise/core";
import type { Denoiser } from "@denoise/roles";
import {
  denormalize,
  finishStep,
  finishUnconditional,
  startUnconditional,
  toImages,
  trainedImageSize,
  type UnconditionalOptions,
  unconditionalOptions,
} from "@denoise/diffusion";

/** What a KarrasVePipeline consists of. */
export interface KarrasVeComponents {
  /** A UNet2DModel whose timestep is half of σ. */
  readonly unet: Denoiser;
  /** A KarrasVeScheduler. */
  readonly scheduler: Scheduler;
}

/** Options of a call. */
export interface KarrasVeOptions extends UnconditionalOptions {
  /** Denoising steps of two model calls each, 2 at least. Defaults to 50. */
  readonly numInferenceSteps?: number | undefined;
}

/** A loaded KarrasVePipeline. */
export type KarrasVePipeline = Pipeline<
  KarrasVeComponents,
  [options?: KarrasVeOptions],
  ImageOutput
>;

const f = Math.fround;

/** Unconditional images; `KarrasVePipeline` of diffusers. */
export const KarrasVePipeline: PipelineClass<
  KarrasVeComponents,
  [options?: KarrasVeOptions],
  ImageOutput
> = definePipeline({
  className: "KarrasVePipeline",
  task: "unconditional-image-generation",
  family: "karras-ve",
  options: {
    ...unconditionalOptions,
    numInferenceSteps: { type: "integer", minimum: 2 },
  },
  defaults: { numInferenceSteps: 50 },
  defaultSize: trainedImageSize,
  components: { unet: { kind: "model" }, scheduler: { kind: "scheduler" } },
  async *generate(run, options: KarrasVeOptions = {}) {
    const { unet, scheduler } = run.components;
    const { numInferenceSteps = 50, signal } = options;
    const steps = { steps: numInferenceSteps };
    const { dims, noise, recipe } = startUnconditional(unet, options, steps);
    const { generator } = noise;
    checkScheduler(scheduler);

    /** σ/2 · model((x + 1)/2, σ/2) */
    const denoise = async (x: Tensor, sigma: number): Promise<Tensor> => {
      const { sample } = await unet.forward(x.add(1).div(2), f(sigma / 2), { signal });
      return sample.mul(f(sigma / 2));
    };
    let sample = randnTensor(dims, generator).mul(scheduler.initNoiseSigma);
    scheduler.setTimesteps(numInferenceSteps);
    const total = scheduler.timesteps.length;
    for (const [index, timestep] of scheduler.timesteps.entries()) {
      const noisy = scheduler.addNoiseToInput(sample, timestep, { generator });
      const output = await denoise(noisy.sample, noisy.sigma);
      const sigmaHat = { sigmaHat: noisy.sigma };
      const stepped = scheduler.step(output, timestep, noisy.sample, sigmaHat);
      const next = scheduler.sigmas![index + 1]!;
      const latents = next === 0
        ? stepped.prevSample
        : scheduler.stepCorrect(await denoise(stepped.prevSample, next), stepped.prevSample);
      const step = {
        index,
        total,
        timestep,
        latents,
        denoised: stepped.predOriginalSample,
        preview: () => toImages(run, denormalize(latents), recipe),
      };
      yield step;
      sample = await finishStep(step, options);
    }
    return await finishUnconditional(run, sample, options.outputType, recipe);
  },
});

/** @throws {TypeError} for a scheduler that adds no noise to inputs. */
function checkScheduler({ className }: Scheduler): void {
  if (className === "KarrasVeScheduler") return;
  throw new TypeError(
    `Cannot run KarrasVePipeline with ${className}: its loop needs a KarrasVeScheduler, which adds ` +
      `noise to the model's input and corrects steps; make one with new KarrasVeScheduler()`,
  );
}

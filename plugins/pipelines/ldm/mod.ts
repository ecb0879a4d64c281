/**
 * LDMPipeline: unconditional images of a UNet that denoises latents of a VQModel. Rombach et al., "High-Resolution
 * Image Synthesis with Latent Diffusion Models" (arXiv:2112.10752).
 *
 * @example
 * ```ts ignore
 * import { LDMPipeline } from "@denoise/denoise";
 *
 * const pipe = await LDMPipeline.fromPretrained("CompVis/ldm-celebahq-256");
 * const { images } = await pipe({ seed: 0 });
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
  type Scheduler,
} from "@denoise/core";
import type { Autoencoder, Denoiser } from "@denoise/roles";
import {
  type AutoencoderConfig,
  denoise,
  type DenoiserConfig,
  finishLatents,
  initialLatents,
  previewLatents,
  retrieveTimesteps,
  sampleSize,
  startUnconditional,
  stepOptions,
  type UnconditionalOptions,
  unconditionalOptions,
  vaeScaleFactor,
} from "@denoise/diffusion";

/** What an LDMPipeline consists of. */
export interface LDMComponents {
  /** VQModel. */
  readonly vqvae: Autoencoder<AutoencoderConfig>;
  /** UNet2DModel of the latents. */
  readonly unet: Denoiser<Pick<DenoiserConfig, "in_channels" | "sample_size">>;
  /** Any scheduler for the trained noise, such as DDIMScheduler. */
  readonly scheduler: Scheduler;
}

/** Options of a call. */
export interface LDMOptions extends UnconditionalOptions {
  /** Number of denoising steps. Defaults to 50. */
  readonly numInferenceSteps?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. Defaults to 0. */
  readonly eta?: number | undefined;
}

/** A loaded LDMPipeline. */
export type LDMPipeline = Pipeline<LDMComponents, [options?: LDMOptions], ImageOutput>;

/** Unconditional images by way of latents; `LDMPipeline` of diffusers. */
export const LDMPipeline: PipelineClass<LDMComponents, [options?: LDMOptions], ImageOutput> =
  definePipeline({
    className: "LDMPipeline",
    task: "unconditional-image-generation",
    family: "latent-diffusion-unconditional",
    options: {
      ...unconditionalOptions,
      numInferenceSteps: { type: "integer", minimum: 1 },
      eta: { type: "number" },
    },
    defaults: { numInferenceSteps: 50, eta: 0 },
    defaultSize({ unet, vqvae }) {
      const [height, width] = sampleSize(unet.config.sample_size);
      const factor = vaeScaleFactor(vqvae);
      return { height: height * factor, width: width * factor };
    },
    components: {
      vqvae: { kind: "model" },
      unet: { kind: "model" },
      scheduler: { kind: "scheduler" },
    },
    async *generate(run, options: LDMOptions = {}) {
      const { unet, vqvae, scheduler } = run.components;
      const { numInferenceSteps = 50, eta = 0, outputType, signal } = options;
      const settings = { steps: numInferenceSteps, eta };
      const { dims, noise, recipe } = startUnconditional(unet, options, settings);
      const latents = initialLatents(dims, noise, scheduler);
      const timesteps = retrieveTimesteps(scheduler, { numInferenceSteps });
      const shown = { ...run, components: { vae: vqvae } };
      const { latents: last } = yield* denoise(latents, {
        ...{ scheduler, timesteps, options, settings: stepOptions(scheduler, noise, { eta }) },
        async predict(latents, timestep) {
          const input = scheduler.scaleModelInput(latents, timestep);
          return (await unet.forward(input, timestep, { signal })).sample;
        },
        preview: (stepped) => previewLatents(shown, stepped, recipe),
      });
      return await finishLatents(shown, last, outputType, recipe);
    },
  });

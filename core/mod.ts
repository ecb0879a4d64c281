/**
 * The contracts of denoise (models, schedulers, pipelines, and the registry that finds them by
 * their diffusers class names) with what all of them share: tensors, torch's random numbers,
 * noise schedules, frozen configs, errors.
 *
 * @example The noise that `torch.Generator("cpu").manual_seed(0)` gives
 * ```ts
 * import { Generator } from "@denoise/core";
 *
 * const noise = Generator.manualSeed(0).randn([1, 4, 64, 64]);
 * console.log(noise.dims);
 * ```
 *
 * @module
 */
export * from "./block_scales.ts";
export * from "./brownian.ts";
export * from "./adapter.ts";
export * from "./auto_pipeline.ts";
export * from "./bundled_source.ts";
export * from "./call_options.ts";
export * from "./certain_latents.ts";
export * from "./config.ts";
export * from "./control_net.ts";
export * from "./define_pipeline.ts";
export * from "./define_scheduler.ts";
export * from "./diffusion_pipeline.ts";
export { bytesOf, type DType, isFloating, type TypedArray } from "./dtype.ts";
export * from "./errors.ts";
export * from "./float16.ts";
export * from "./generator.ts";
export * from "./interpolate.ts";
export * from "./loading.ts";
export * from "./math.ts";
export * from "./media.ts";
export * from "./model.ts";
export * from "./pipeline.ts";
export * from "./plugin.ts";
export * from "./random.ts";
export * from "./registry.ts";
export * from "./saving.ts";
export * from "./scheduler.ts";
export * from "./schedules/adams_bashforth.ts";
export * from "./schedules/alphas.ts";
export * from "./schedules/beta_quantile.ts";
export * from "./schedules/betas.ts";
export * from "./schedules/cogvideox.ts";
export * from "./schedules/consistency.ts";
export * from "./schedules/edm.ts";
export * from "./schedules/conversions.ts";
export * from "./schedules/ddim.ts";
export * from "./schedules/ddpm.ts";
export * from "./schedules/flow.ts";
export * from "./schedules/flow_plan.ts";
export * from "./schedules/forward.ts";
export * from "./schedules/karras_compatibles.ts";
export * from "./schedules/log_snr.ts";
export * from "./schedules/dpm_solver.ts";
export * from "./schedules/multistep.ts";
export * from "./schedules/parallel.ts";
export * from "./schedules/sigma_config.ts";
export * from "./schedules/sigmas.ts";
export * from "./schedules/thresholding.ts";
export * from "./schedules/timesteps.ts";
export * from "./source.ts";
export * from "./tensor.ts";
export * from "./version.ts";

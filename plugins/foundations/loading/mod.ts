/**
 * Loads any pipeline by the class that its repo names, or the one for a task, with the classes and
 * sources of a registry.
 *
 * @example
 * ```ts ignore
 * import { Registry } from "@denoise/core";
 * import { diffusionPipeline } from "@denoise/loading";
 * import { DDPMPipeline } from "@denoise/pipeline-ddpm";
 * import { DDPMScheduler } from "@denoise/scheduler-ddpm";
 * import { UNet2DModel } from "@denoise/model-unet-2d";
 *
 * const registry = new Registry({ plugins: [DDPMPipeline, DDPMScheduler, UNet2DModel] });
 * const pipe = await diffusionPipeline(registry).fromPretrained("./ddpm-cat-256");
 * ```
 *
 * @module
 */
export * from "./any_pipeline.ts";
export * from "./auto_pipeline.ts";
export * from "./call_names.ts";
export * from "./diffusion_pipeline.ts";
export * from "./every_option.ts";
export * from "./left_out.ts";
export * from "./named_options.ts";
export * from "./scheduler_names.ts";
export { importPlugins, moduleAddress } from "./plugin_modules.ts";

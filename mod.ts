/**
 * denoise: Hugging Face diffusers for TypeScript. Diffusers repos of many families, from the Hub or a folder, run
 * in Deno, Node.js and Bun through onnxruntime-node, with the images that diffusers makes from the same seed.
 *
 * This entry has every built-in plugin; the packages `@denoise/*` have them one by one.
 *
 * @example
 * ```ts ignore
 * import { DiffusionPipeline, EulerDiscreteScheduler } from "@denoise/denoise";
 *
 * const pipe = await DiffusionPipeline.fromPretrained(
 *   "stable-diffusion-v1-5/stable-diffusion-v1-5",
 *   { useSafetensors: true },
 * );
 * pipe.scheduler = EulerDiscreteScheduler.fromConfig(pipe.scheduler.config);
 * const { images } = await pipe("An image of a squirrel in Picasso style", { seed: 0 });
 * await images[0].save("image_of_squirrel_painting.png");
 * ```
 *
 * @module
 */
import {
  type AnyPipeline as AnyPipelineOf,
  type AutoPipeline,
  autoPipeline,
  diffusionPipeline,
  type DiffusionPipelineLoader,
  type EveryOption,
} from "@denoise/loading";
import type { AnyComponents } from "@denoise/roles";
import type * as classes from "./plugins/classes.ts";
import { type PipelineMethods, registry } from "./plugins/registry.ts";

export {
  type AudioOutput,
  DenoiseError,
  type Device,
  type ErrorCode,
  Generator,
  type ImageInput,
  type ImageOutput,
  type LoadOptions,
  manualSeed,
  type Model,
  type Pipeline,
  type PipelineLoadOptions,
  type PipelineStep,
  type ProgressBarConfig,
  type Quantization,
  randn,
  randnTensor,
  type Recipe,
  Registry,
  type SaveOptions,
  type Scheduler,
  type SchedulerClass,
  Tensor,
  type TorchDtype,
} from "@denoise/core";
export * from "./plugins/classes.ts";
export { decodeAudio, DenoiseAudio, loadAudio, readWavRecipe } from "@denoise/audio";
export { GGUFQuantizationConfig } from "@denoise/gguf";
export {
  FasterCacheConfig,
  FirstBlockCacheConfig,
  FLUX_MAG_RATIOS,
  MagCacheConfig,
  PyramidAttentionBroadcastConfig,
  TaylorSeerCacheConfig,
} from "@denoise/onnx";
export {
  crop,
  decodeImage,
  DenoiseImage,
  displaySample,
  imageGrid,
  ImageList,
  loadImage,
  openImage,
  readRecipe,
  resize,
} from "@denoise/image";
export type { IpAdapterOptions } from "@denoise/ip-adapter";
export type { AdapterWeights, LoraOptions } from "@denoise/lora";
export { showImage, tqdm } from "@denoise/terminal";
export type { TextualInversionOptions } from "@denoise/textual-inversion";
export { registry };
export type { PipelineMethods };

/**
 * What a call of a pipeline may be given whose class is known only when it is loaded: the options of
 * all built-in pipelines. Those that the class at hand does not have are refused when it is called.
 *
 * @category Pipelines
 */
export type AnyCallOptions = EveryOption<typeof classes>;

/**
 * A pipeline whose class is known only from its model_index.json, as
 * {@linkcode DiffusionPipeline} loads it.
 *
 * @category Pipelines
 *
 * @example
 * ```ts ignore
 * import { type AnyPipeline, DiffusionPipeline } from "@denoise/denoise";
 *
 * const pipe: AnyPipeline = await DiffusionPipeline.fromPretrained("denoise/emoji");
 * console.log(pipe.className, pipe.components);
 * ```
 */
export type AnyPipeline = AnyPipelineOf<AnyCallOptions, AnyComponents, PipelineMethods>;

/**
 * Loads any pipeline by the class that its model_index.json names, from a folder or the Hub.
 *
 * @category Loading
 *
 * @example
 * ```ts ignore
 * import { DiffusionPipeline } from "@denoise/denoise";
 *
 * const pipe = await DiffusionPipeline.fromPretrained("denoise/emoji");
 * const { images } = await pipe("red apple", { seed: 7 });
 * await images[0]!.save("apple.png");
 * ```
 */
export const DiffusionPipeline: DiffusionPipelineLoader<
  AnyCallOptions,
  AnyComponents,
  PipelineMethods
> = diffusionPipeline(registry);

/**
 * Loads the pipeline that makes images from text with the models of a repo.
 *
 * @category Loading
 *
 * @example
 * ```ts ignore
 * import { AutoPipelineForText2Image } from "@denoise/denoise";
 *
 * const pipe = await AutoPipelineForText2Image.fromPretrained("denoise/emoji");
 * const { images } = await pipe("red apple", { seed: 7 });
 * await images[0]!.save("apple.png");
 * ```
 */
export const AutoPipelineForText2Image: AutoPipeline<
  AnyCallOptions,
  AnyComponents,
  PipelineMethods
> = autoPipeline(
  "text-to-image",
  registry,
);

/**
 * Loads the pipeline that changes images with the models of a repo.
 *
 * @category Loading
 *
 * @example
 * ```ts ignore
 * import { AutoPipelineForImage2Image, loadImage } from "@denoise/denoise";
 *
 * const pipe = await AutoPipelineForImage2Image.fromPretrained("denoise/emoji");
 * const image = await loadImage("apple.png");
 * const { images } = await pipe("green apple", { image, strength: 0.6, seed: 7 });
 * await images[0]!.save("green.png");
 * ```
 */
export const AutoPipelineForImage2Image: AutoPipeline<
  AnyCallOptions,
  AnyComponents,
  PipelineMethods
> = autoPipeline(
  "image-to-image",
  registry,
);

/**
 * Loads the pipeline that inpaints images with the models of a repo.
 *
 * @category Loading
 *
 * @example
 * ```ts ignore
 * import { AutoPipelineForInpainting, loadImage } from "@denoise/denoise";
 *
 * const pipe = await AutoPipelineForInpainting.fromPretrained("denoise/emoji");
 * const [image, maskImage] = [await loadImage("apple.png"), await loadImage("mask.png")];
 * const { images } = await pipe("a leaf", { image, maskImage, seed: 7 });
 * await images[0]!.save("leaf.png");
 * ```
 */
export const AutoPipelineForInpainting: AutoPipeline<
  AnyCallOptions,
  AnyComponents,
  PipelineMethods
> = autoPipeline(
  "inpainting",
  registry,
);

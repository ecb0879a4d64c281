/**
 * denoise: Hugging Face diffusers for TypeScript. Any diffusers repo, from the Hub or a folder, runs
 * in Deno through onnxruntime-node, with the images that diffusers makes from the same seed.
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
  type AutoPipeline,
  autoPipeline,
  diffusionPipeline,
  type DiffusionPipelineLoader,
  type EveryOption,
} from "@denoise/loading";
import { type IpAdapterLoader, ipAdapterLoader } from "@denoise/ip-adapter";
import type { AnyComponents } from "@denoise/roles";
import { type SingleFileLoader, singleFileLoader } from "@denoise/single-file";
import type * as classes from "./plugins/classes.ts";
import { registry } from "./plugins/registry.ts";

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
export type { AnyPipeline } from "@denoise/loading";
export { DenoiseAudio } from "@denoise/audio";
export {
  decodeImage,
  DenoiseImage,
  displaySample,
  imageGrid,
  ImageList,
  loadImage,
  openImage,
  readRecipe,
} from "@denoise/image";
export { type IpAdapterOptions, setIpAdapterScale, unloadIpAdapter } from "@denoise/ip-adapter";
export {
  type AdapterWeights,
  getActiveAdapters,
  loadLoraWeights,
  type LoraOptions,
  setAdapters,
  unloadLoraWeights,
} from "@denoise/lora";
export { showImage, tqdm } from "@denoise/terminal";
export {
  loadTextualInversion,
  type TextualInversionOptions,
  unloadTextualInversion,
} from "@denoise/textual-inversion";
export { registry };
export type { IpAdapterLoader, SingleFileLoader };

/**
 * What a call of a pipeline may be given whose class is known only when it is loaded: the options of
 * all built-in pipelines. Those that the class at hand does not have are refused when it is called.
 *
 * @category Pipelines
 */
export type AnyCallOptions = EveryOption<typeof classes>;

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
export const DiffusionPipeline: DiffusionPipelineLoader<AnyCallOptions, AnyComponents> =
  diffusionPipeline(
    registry,
  );

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
export const AutoPipelineForText2Image: AutoPipeline<AnyCallOptions, AnyComponents> = autoPipeline(
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
export const AutoPipelineForImage2Image: AutoPipeline<AnyCallOptions, AnyComponents> = autoPipeline(
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
export const AutoPipelineForInpainting: AutoPipeline<AnyCallOptions, AnyComponents> = autoPipeline(
  "inpainting",
  registry,
);

/**
 * Loads a pipeline from an original checkpoint of Stable Diffusion, one .safetensors file.
 *
 * @category Loading
 *
 * @example
 * ```ts ignore
 * import { fromSingleFile, StableDiffusionPipeline } from "@denoise/denoise";
 *
 * const pipe = await fromSingleFile(StableDiffusionPipeline, "./v1-5-pruned-emaonly.safetensors");
 * await pipe("a squirrel");
 * ```
 */
export const fromSingleFile: SingleFileLoader = singleFileLoader(registry);

/**
 * Loads IP-Adapters from a folder or file, with their image encoder.
 *
 * @category Adapters
 *
 * @example
 * ```ts ignore
 * import { loadImage, loadIpAdapter, StableDiffusionPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionPipeline.fromPretrained("./stable-diffusion-v1-5");
 * await loadIpAdapter(pipe, "h94/IP-Adapter", {
 *   subfolder: "models",
 *   weightName: "ip-adapter_sd15.safetensors",
 * });
 * await pipe("a cat", { ipAdapterImage: await loadImage("style.png") });
 * ```
 */
export const loadIpAdapter: IpAdapterLoader = ipAdapterLoader(registry);

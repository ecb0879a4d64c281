/**
 * Qwen2VLProcessor: images as Qwen2-VL and Qwen2.5-VL take them: resized to sides of whole tokens (bicubic, as
 * Pillow does it), colours normalised, in patches of which 2x2 come after the other. The image part of the class of
 * transformers, from preprocessor_config.json or processor_config.json; its tokenizer is a component of its own.
 *
 * Not covered: videos.
 *
 * @example
 * ```ts ignore
 * import { Qwen2VLProcessor } from "@denoise/denoise";
 *
 * const processor = await Qwen2VLProcessor.fromPretrained("Qwen/Qwen-Image-Edit", {
 *   subfolder: "processor",
 * });
 * const { pixelValues, imageGridThw } = await processor.patches(["cat.png"]);
 * ```
 *
 * @module
 */
import type { ImageInput } from "@denoise/core";
import {
  defineProcessor,
  type ImagePatches,
  imagePatches,
  type PatchConfig,
  patchOptions,
  type PixelRange,
  type Processor,
  type ProcessorClass,
} from "@denoise/processors";

export type { ImagePatches, PixelRange };

/** Options of a Qwen2VLProcessor, as they stand in preprocessor_config.json. */
export interface Qwen2VLConfig extends PatchConfig {}

/** A loaded Qwen2VLProcessor: `patches(images)` gives what a vision model takes. */
export interface Qwen2VLProcessor extends Processor<Qwen2VLConfig> {
  /**
   * Images in patches.
   *
   * @throws {RangeError} for an image more than 200 times as long as wide.
   */
  patches(images: readonly ImageInput[]): Promise<ImagePatches>;
}

/** Images for Qwen2-VL and Qwen2.5-VL; `Qwen2VLProcessor` of transformers. */
export const Qwen2VLProcessor: ProcessorClass<Qwen2VLConfig, Qwen2VLProcessor> = defineProcessor({
  className: "Qwen2VLProcessor",
  aliases: ["Qwen2_5_VLProcessor", "Qwen2VLImageProcessor", "Qwen2VLImageProcessorFast"],
  schema: patchOptions,
  methods: (config, registry) => ({
    async patches(images: readonly ImageInput[]) {
      return await imagePatches(await registry.images(), config, images);
    },
  }),
});

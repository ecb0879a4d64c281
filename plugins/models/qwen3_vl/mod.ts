/**
 * Qwen3VLForConditionalGeneration: the decoder language model with a vision tower (Bai et al., 2025,
 * arXiv:2511.21631) that Qwen-Image 2.1 reads prompts and images with, FLUX.3 and Krea 2 prompts; the class of
 * transformers. Its layers are Qwen3's; the first ones get states of blocks of the tower too. Its `lm_head` is left
 * out: no text is generated.
 *
 * Not covered: videos, stretched positions, caches of keys and values.
 *
 * @example
 * ```ts ignore
 * import { Qwen3VLForConditionalGeneration, Qwen3VLProcessor } from "@denoise/denoise";
 *
 * const repo = "Qwen/Qwen-Image-2.1";
 * const encoder = await Qwen3VLForConditionalGeneration.fromPretrained(repo, {
 *   subfolder: "text_encoder",
 * });
 * const processor = await Qwen3VLProcessor.fromPretrained(repo, { subfolder: "processor" });
 * const images = await processor.imageProcessor!.patches(["fox.png"]);
 * const [, rows, columns] = images.imageGridThw[0]!;
 * const pads = "<|image_pad|>".repeat(rows * columns / 4);
 * const { inputIds } = processor.encode(`<|vision_start|>${pads}<|vision_end|> a red fox`);
 * const [state] = await encoder.hiddenStates(inputIds, [-1], { images });
 * ```
 *
 * @module
 */
import type { Model, ModelClass } from "@denoise/core";
import {
  defineModel,
  type RopeParameters,
  type VisionInputs,
  type VisionLanguageMethods,
  visionLanguageMethods,
  type VisionStatesCall,
} from "@denoise/onnx";
import { visionDecoderGraph } from "@denoise/onnx/blocks";
import {
  adapt,
  axesOf,
  check,
  deepLayersOf,
  type PatchRope,
  type Qwen3VLConfig,
  type Qwen3VLVisionConfig,
  schema,
} from "./config.ts";
import { placesOf, visual } from "./vision.ts";

export type {
  PatchRope,
  Qwen3VLConfig,
  Qwen3VLVisionConfig,
  RopeParameters,
  VisionInputs,
  VisionLanguageMethods,
  VisionStatesCall,
};

/** A loaded Qwen3VLForConditionalGeneration: `forward(ids)` and `hiddenStates(ids, indices)`. */
export interface Qwen3VLForConditionalGeneration
  extends Model<Qwen3VLConfig>, VisionLanguageMethods {}

/** A decoder language model that reads images too; the class of that name of transformers. */
export const Qwen3VLForConditionalGeneration: ModelClass<Qwen3VLForConditionalGeneration> =
  defineModel<Qwen3VLConfig, Qwen3VLForConditionalGeneration>({
    className: "Qwen3VLForConditionalGeneration",
    aliases: ["Qwen3VLModel"],
    library: "transformers",
    schema,
    adapt,
    check,
    rename: (stored) => stored.replace(/^(model\.)?(visual\.)?(language_model\.)?/, "$2"),
    ignore: [/^lm_head\./, /rotary_(pos_)?emb\.inv_freq$/],
    graphs: {
      visual,
      forward: visionDecoderGraph((config) => ({
        headWidth: config.head_dim,
        bias: config.attention_bias,
        outBias: config.attention_bias,
        normalized: true,
        axes: axesOf(config),
        token: config.image_token_id,
        deepLayers: deepLayersOf(config),
      })),
    },
    methods(model) {
      const { vision_config: vision, image_token_id: token } = model.config;
      return visionLanguageMethods(model, {
        token,
        merge: vision.spatial_merge_size,
        deepLayers: deepLayersOf(model.config),
        placesOf: (grid) => ({ ...placesOf(grid, vision) }),
      });
    },
  });

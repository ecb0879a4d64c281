/**
 * IFSafetyChecker: whether an image shows what DeepFloyd IF does not want to show, or the watermark of another. Two
 * scores are read off CLIP's vector of the image. The class of diffusers' `pipelines/deepfloyd_if`.
 *
 * @example
 * ```ts ignore
 * import { IFSafetyChecker } from "@denoise/denoise";
 *
 * const checker = await IFSafetyChecker.fromPretrained("DeepFloyd/IF-I-XL-v1.0", {
 *   subfolder: "safety_checker",
 * });
 * const { nsfw, watermark } = await checker.detect(clipInput);
 * ```
 *
 * @module
 */
import type { ModelClass, Tensor } from "@denoise/core";
import type { Detected, SafetyChecker } from "@denoise/roles";
import { defineModel, float32, nestedConfig } from "@denoise/onnx";
import { clipVision, type ClipVisionConfig, clipVisionSchema } from "@denoise/onnx/blocks";
import { linear } from "@denoise/onnx/nn";

/** Options of an IFSafetyChecker: those of its vision model in config.json. */
export type IFSafetyCheckerConfig = ClipVisionConfig;

/** A loaded IFSafetyChecker. */
export interface IFSafetyChecker extends SafetyChecker<IFSafetyCheckerConfig> {
  /**
   * What each image shows.
   *
   * @param clipInput What the feature extractor made of the images, float32 [N, 3, H, W].
   */
  detect(clipInput: Tensor): Promise<Detected>;
}

/** A score above it is a find, of either kind. */
const THRESHOLD = 0.5;

/** Finds images that should not be shown; `IFSafetyChecker` of diffusers. */
export const IFSafetyChecker: ModelClass<IFSafetyChecker> = defineModel<
  IFSafetyCheckerConfig,
  IFSafetyChecker
>({
  className: "IFSafetyChecker",
  library: "deepfloyd_if",
  schema: clipVisionSchema,
  adapt: (config) => ({ ...config, ...nestedConfig(config, "vision_config") }),
  rename: (stored) => stored.replace(/^(vision_model\.)+/, ""),
  ignore: [/embeddings\.position_ids$/],
  graphs: {
    scores: {
      inputs: ({ num_channels, image_size }) => ({
        clip_input: float32("batch", num_channels, image_size, image_size),
      }),
      build(s, config, { clip_input }) {
        const { pooled } = clipVision(s, clip_input!, config);
        const seen = linear(s.at("visual_projection"), pooled, { bias: false }); // [N, projection]
        return { nsfw: linear(s.at("p_head"), seen), watermark: linear(s.at("w_head"), seen) };
      },
    },
  },
  methods(model) {
    const detect = async (clipInput: Tensor): Promise<Detected> => {
      const { nsfw, watermark } = await model.run("scores", { clip_input: clipInput });
      const found = (scores: Tensor) =>
        Array.from(scores.toFloat32Array(), (score) => score > THRESHOLD);
      return { nsfw: found(nsfw!), watermark: found(watermark!) };
    };
    return {
      detect,
      async check(clipInput) {
        const { nsfw, watermark } = await detect(clipInput);
        return nsfw.map((isFound, i) => isFound || watermark[i]!);
      },
    };
  },
});

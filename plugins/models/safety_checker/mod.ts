/**
 * StableDiffusionSafetyChecker: whether an image shows what Stable Diffusion 1.x does not want to
 * show. CLIP's view of the image is compared with 17 hidden concepts and 3 special ones; a special
 * hit makes the others stricter. The class of diffusers' `pipelines/stable_diffusion`.
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionSafetyChecker } from "@denoise/denoise";
 *
 * const checker = await StableDiffusionSafetyChecker.fromPretrained(
 *   "stable-diffusion-v1-5/stable-diffusion-v1-5",
 *   { subfolder: "safety_checker" },
 * );
 * ```
 *
 * @module
 */
import type { ModelClass, Tensor } from "@denoise/core";
import type { SafetyChecker } from "@denoise/roles";
import { defineModel, float32, type GraphDefinition, nestedConfig } from "@denoise/onnx";
import { clipVision, type ClipVisionConfig, clipVisionSchema } from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import { div, linear, matMul, norm, sub, transpose } from "@denoise/onnx/nn";

/** Options of a StableDiffusionSafetyChecker: those of its vision model in config.json. */
export type SafetyCheckerConfig = ClipVisionConfig;

/** A loaded StableDiffusionSafetyChecker: `check(clipInput)` gives a boolean for each image. */
export type StableDiffusionSafetyChecker = SafetyChecker<SafetyCheckerConfig>;

/** Finds images that should not be shown; `StableDiffusionSafetyChecker` of diffusers. */
export const StableDiffusionSafetyChecker: ModelClass<StableDiffusionSafetyChecker> = defineModel<
  SafetyCheckerConfig,
  StableDiffusionSafetyChecker
>({
  className: "StableDiffusionSafetyChecker",
  library: "stable_diffusion",
  schema: clipVisionSchema,
  adapt: (config) => ({ ...config, ...nestedConfig(config, "vision_config") }),
  rename: (stored) => stored.replace(/^(vision_model\.)+/, ""),
  ignore: [/embeddings\.position_ids$/],
  graphs: { scores: scores() },
  methods: (model) => ({
    async check(clipInput) {
      const { special, concepts } = await model.run("scores", { clip_input: clipInput });
      const rows = Array.from({ length: clipInput.dims[0]! }, (_, i) => i);
      return rows.map((i) => isFound(rowOf(special!, i), rowOf(concepts!, i)));
    },
  }),
});

function scores(): GraphDefinition<SafetyCheckerConfig> {
  return {
    inputs: ({ num_channels, image_size }) => ({
      clip_input: float32("batch", num_channels, image_size, image_size),
    }),
    build(s, config, { clip_input }) {
      const { pooled } = clipVision(s, clip_input!, config);
      const projected = linear(s.at("visual_projection"), pooled, { bias: false });
      const seen = unit(s, projected); // [N, projection]
      const above = (name: string) => {
        const likeness = matMul(s, seen, transpose(s, unit(s, s.tensor(name)), [1, 0]));
        return sub(s, likeness, s.tensor(`${name}_weights`));
      };
      return { special: above("special_care_embeds"), concepts: above("concept_embeds") };
    },
  };
}

/** Rows of length 1. */
function unit(s: Scope, x: Value): Value {
  return div(s, x, norm(s, x, [-1]));
}

function rowOf(tensor: Tensor, i: number): number[] {
  return Array.from(tensor.select(0, i).toFloat32Array());
}

/** How much stricter concepts are judged once a special one was hit. */
const ADJUSTMENT = 0.01;

/** Whether a concept is over its threshold, rounded to three digits as the reference does. */
function isFound(special: readonly number[], concepts: readonly number[]): boolean {
  const over = (score: number) => Math.round(score * 1000) > 0;
  let adjustment = 0;
  for (const score of special) if (over(score + adjustment)) adjustment = ADJUSTMENT;
  return concepts.some((score) => over(score + adjustment));
}

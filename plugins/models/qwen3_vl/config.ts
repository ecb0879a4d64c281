import {
  anything,
  type ConfigSchema,
  float,
  type FrozenConfig,
  type JsonObject,
} from "@denoise/core";
import {
  checkLanguageModel,
  type LanguageModelConfig,
  languageModelOptions,
  unsupportedOption,
  visionLanguageConfig,
} from "@denoise/onnx";
import { activationNames } from "@denoise/onnx/nn";

/** The positions of patches, as newer files describe them. */
export interface PatchRope {
  /** The longest wavelength is 2π times this. Defaults to 10000. */
  readonly rope_theta?: number;
  /** Must be `"axial"`: half of a head's channels is turned by the row, half by the column. */
  readonly rope_type?: string;
}

/** Options of the part that reads images, as they stand under `vision_config`. */
export interface Qwen3VLVisionConfig {
  /** Number of blocks. */
  readonly depth: number;
  /** Width of the states of a patch. */
  readonly hidden_size: number;
  /** The activation of a feed forward. */
  readonly hidden_act: string;
  /** Width inside a feed forward. */
  readonly intermediate_size: number;
  /** How many heads. */
  readonly num_heads: number;
  /** Channels of an image. */
  readonly in_channels: number;
  /** Pixels of a patch's side. */
  readonly patch_size: number;
  /** Patches of a side that become one token. */
  readonly spatial_merge_size: number;
  /** Frames of a patch; an image is repeated. */
  readonly temporal_patch_size: number;
  /** Width of the states of a token. */
  readonly out_hidden_size: number;
  /** Positions of a square that were learned; they are interpolated for other grids. */
  readonly num_position_embeddings: number;
  /** Blocks whose states the first layers of the language model get, too (DeepStack: arXiv:2406.04334). */
  readonly deepstack_visual_indexes: readonly number[];
  /** The positions of patches. */
  readonly rope_parameters: PatchRope | null;
}

/** What is not in a config, as the reference has it. */
const VISION: Qwen3VLVisionConfig = {
  depth: 27,
  hidden_size: 1152,
  hidden_act: "gelu_pytorch_tanh",
  intermediate_size: 4304,
  num_heads: 16,
  in_channels: 3,
  patch_size: 16,
  spatial_merge_size: 2,
  temporal_patch_size: 2,
  out_hidden_size: 3584,
  num_position_embeddings: 2304,
  deepstack_visual_indexes: [8, 16, 24],
  rope_parameters: null,
};

/** Options of a Qwen3VLForConditionalGeneration, as they stand in config.json. */
export interface Qwen3VLConfig extends LanguageModelConfig {
  /** Width of a head. */
  readonly head_dim: number;
  /** Whether the linear layers of attention have biases. */
  readonly attention_bias: boolean;
  /** The part that reads images. */
  readonly vision_config: Qwen3VLVisionConfig;
  /** The token that stands for 2x2 patches of an image. */
  readonly image_token_id: number;
}

/** What config.json says, its nested parts laid out. */
export function adapt(config: JsonObject): JsonObject {
  return visionLanguageConfig(config, VISION);
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<Qwen3VLConfig> = {
  ...languageModelOptions,
  rms_norm_eps: float(1e-6),
  rope_theta: float(500000),
  head_dim: 128,
  attention_bias: false,
  vision_config: anything<Qwen3VLVisionConfig>(VISION),
  image_token_id: 151655,
};

const CLASS = "Qwen3VLForConditionalGeneration";

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: FrozenConfig<Qwen3VLConfig>): void {
  checkLanguageModel(CLASS, config);
  const { vision_config: vision, hidden_size } = config;
  const refuse = (option: keyof Qwen3VLVisionConfig, known: readonly unknown[]) =>
    unsupportedOption(CLASS, `vision_config.${option}`, vision[option], known);
  if (!activationNames.includes(vision.hidden_act)) throw refuse("hidden_act", activationNames);
  if ((vision.rope_parameters?.rope_type ?? "axial") !== "axial") {
    throw refuse("rope_parameters", [null, { rope_type: "axial" }]);
  }
  const { depth, deepstack_visual_indexes: deep } = vision;
  const isKnown = (index: number) => Number.isInteger(index) && index >= 0 && index < depth;
  if (!deep.every(isKnown) || new Set(deep).size < deep.length) {
    throw new RangeError(
      `Cannot build ${CLASS}: vision_config.deepstack_visual_indexes is [${deep}]; they must be different ` +
        `numbers of blocks, from 0 to ${depth - 1}`,
    );
  }
  if (vision.out_hidden_size !== hidden_size) {
    throw new RangeError(
      `Cannot build ${CLASS}: vision_config.out_hidden_size is ${vision.out_hidden_size}, but states of the ` +
        `language model are ${hidden_size} wide`,
    );
  }
  const side = Math.sqrt(vision.num_position_embeddings);
  if (Number.isInteger(side) && side > 0) return;
  throw new RangeError(
    `Cannot build ${CLASS}: vision_config.num_position_embeddings is ${vision.num_position_embeddings}, which ` +
      "must be the square of a number, as 2304",
  );
}

/** How many layers of the language model get states of blocks. */
export function deepLayersOf(
  { vision_config, num_hidden_layers }: FrozenConfig<Qwen3VLConfig>,
): number {
  return Math.min(vision_config.deepstack_visual_indexes.length, num_hidden_layers);
}

/**
 * Which of time, row and column turns each pair of a head's channels: they take turns as long as row and column
 * have some left, the rest is the time's (`recomposition_frequencies`).
 */
export function axesOf(
  { head_dim, rope_parameters, rope_scaling }: FrozenConfig<Qwen3VLConfig>,
): number[] {
  const sections = rope_parameters?.mrope_section ?? rope_scaling?.mrope_section ?? [24, 20, 20];
  return Array.from({ length: head_dim / 2 }, (_, pair) => {
    const axis = pair % 3;
    return axis > 0 && pair < 3 * sections[axis]! ? axis : 0;
  });
}

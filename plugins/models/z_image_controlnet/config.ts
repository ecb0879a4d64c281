import { type ConfigSchema, float, type FrozenConfig, maybe, numbers, oneOf } from "@denoise/core";
import { unsupportedOption } from "@denoise/onnx";

/** Options of a ZImageControlNetModel, as they stand in config.json. */
export interface ZImageControlNetConfig {
  /** Layers of the transformer after which it adds something; the first is 0. */
  readonly control_layers_places: readonly number[];
  /** Layers of those that see the image alone after which it adds something. */
  readonly control_refiner_layers_places: readonly number[] | null;
  /** Channels of the control image: of its latents, or with those of an image and a mask beside. */
  readonly control_in_dim: number;
  /** Which of its layers go before those, and add to them; null for layers that only refine the control image. */
  readonly add_control_noise_refiner: "control_layers" | "control_noise_refiner" | null;
  /** Sides of a token in latents; must be [2]. */
  readonly all_patch_size: readonly number[];
  /** Frames of a token; must be [1]. */
  readonly all_f_patch_size: readonly number[];
  /** Channels of a token inside. */
  readonly dim: number;
  /** How many layers refine the control image. */
  readonly n_refiner_layers: number;
  /** How many heads. */
  readonly n_heads: number;
  /** Not used by the reference. */
  readonly n_kv_heads: number;
  /** Added to the mean square of the normalizations. */
  readonly norm_eps: number;
  /** Whether queries and keys are normalized. */
  readonly qk_norm: boolean;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<ZImageControlNetConfig> = {
  control_layers_places: numbers([]),
  control_refiner_layers_places: maybe(numbers),
  control_in_dim: 0,
  add_control_noise_refiner: oneOf(null, "control_layers", "control_noise_refiner"),
  all_patch_size: numbers([2]),
  all_f_patch_size: numbers([1]),
  dim: 3840,
  n_refiner_layers: 2,
  n_heads: 30,
  n_kv_heads: 30,
  norm_eps: float(1e-5),
  qk_norm: true,
};

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: FrozenConfig<ZImageControlNetConfig>): void {
  for (const [option, only] of [["all_patch_size", 2], ["all_f_patch_size", 1]] as const) {
    if (config[option].length === 1 && config[option][0] === only) continue;
    throw unsupportedOption("ZImageControlNetModel", option, config[option], [[only]]);
  }
  if (config.control_layers_places[0] === 0 && config.control_in_dim > 0) return;
  throw new RangeError(
    `Cannot build ZImageControlNetModel: control_layers_places is [${config.control_layers_places}] ` +
      `and control_in_dim ${config.control_in_dim}; the places must begin with 0, and there must be channels`,
  );
}

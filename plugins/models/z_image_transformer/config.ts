import { type ConfigSchema, float, type FrozenConfig, maybe, number, numbers } from "@denoise/core";
import { unsupportedOption } from "@denoise/onnx";

/** Options of a ZImageTransformer2DModel, as they stand in config.json. */
export interface ZImageTransformerConfig {
  /** Latents of a side that are one token; must be `[2]`. */
  readonly all_patch_size: readonly number[];
  /** Frames that are one token; must be `[1]`. */
  readonly all_f_patch_size: readonly number[];
  /** Channels of the latents. */
  readonly in_channels: number;
  /** Width of the tokens inside. */
  readonly dim: number;
  /** Blocks on image and text as one row. */
  readonly n_layers: number;
  /** Blocks on the image alone before these, and as many on the text alone. */
  readonly n_refiner_layers: number;
  /** How many heads. */
  readonly n_heads: number;
  /** The reference gives keys and values as many heads as queries, whatever this says. */
  readonly n_kv_heads: number;
  /** Added to the mean square in the normalizations around attention and feed forward. */
  readonly norm_eps: number;
  /** Whether queries and keys are normalized, each head by itself. */
  readonly qk_norm: boolean;
  /** Width of the text's states. */
  readonly cap_feat_dim: number;
  /** Must be null: images as conditioning (Omni) are another model. */
  readonly siglip_feat_dim: number | null;
  /** The longest wavelength of the positions is 2π times this. */
  readonly rope_theta: number;
  /** Factor of the timestep. */
  readonly t_scale: number;
  /** Channels of a head for each axis of the positions. */
  readonly axes_dims: readonly number[];
  /** How many positions each axis has. */
  readonly axes_lens: readonly number[];
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<ZImageTransformerConfig> = {
  all_patch_size: numbers([2]),
  all_f_patch_size: numbers([1]),
  in_channels: 16,
  dim: 3840,
  n_layers: 30,
  n_refiner_layers: 2,
  n_heads: 30,
  n_kv_heads: 30,
  norm_eps: float(1e-5),
  qk_norm: true,
  cap_feat_dim: 2560,
  siglip_feat_dim: maybe(number),
  rope_theta: float(256),
  t_scale: float(1000),
  axes_dims: numbers([32, 48, 48]),
  axes_lens: numbers([1024, 512, 512]),
};

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: FrozenConfig<ZImageTransformerConfig>): void {
  const { dim, n_heads, axes_dims, axes_lens } = config;
  for (const [option, only] of [["all_patch_size", 2], ["all_f_patch_size", 1]] as const) {
    if (config[option].length === 1 && config[option][0] === only) continue;
    throw unsupportedOption("ZImageTransformer2DModel", option, config[option], [[only]]);
  }
  if (config.siglip_feat_dim !== null) {
    const value = config.siglip_feat_dim;
    throw unsupportedOption("ZImageTransformer2DModel", "siglip_feat_dim", value, [null]);
  }
  const width = axes_dims.reduce((sum, one) => sum + one, 0);
  if (width * n_heads === dim && axes_dims.length === 3 && axes_lens.length === 3) return;
  throw new RangeError(
    `Cannot build ZImageTransformer2DModel: axes_dims is [${axes_dims}] and axes_lens ` +
      `[${axes_lens}]; there must be three of each, and axes_dims must add up to dim / n_heads, ` +
      `${dim / n_heads}`,
  );
}

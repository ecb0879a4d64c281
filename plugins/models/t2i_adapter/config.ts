import { type ConfigSchema, oneOf } from "@denoise/core";

/** Options of a T2IAdapter, as they stand in config.json. */
export interface T2IAdapterConfig {
  /** Channels of the image that controls: 1 for grey ones. */
  readonly in_channels: number;
  /** Channels of each level's features. */
  readonly channels: readonly number[];
  /** Residual blocks of a level. */
  readonly num_res_blocks: number;
  /** How many pixels of a row become one before the first level. */
  readonly downscale_factor: number;
  /** How its levels are made: of Stable Diffusion 1, of XL, or small. */
  readonly adapter_type: "full_adapter" | "full_adapter_xl" | "light_adapter";
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<T2IAdapterConfig> = {
  in_channels: 3,
  channels: [320, 640, 1280, 1280],
  num_res_blocks: 2,
  downscale_factor: 8,
  adapter_type: oneOf("full_adapter", "full_adapter_xl", "light_adapter"),
};

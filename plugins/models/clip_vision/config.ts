import type { ConfigSchema } from "@denoise/core";

/** Options of a CLIPVisionModel, as they stand in config.json. */
export interface CLIPVisionConfig {
  /** Width of the states. */
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly projection_dim: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_channels: number;
  /** Height and width of the pictures. */
  readonly image_size: number;
  /** Height and width of the patches that they are cut into. */
  readonly patch_size: number;
  readonly hidden_act: string;
  readonly layer_norm_eps: number;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<CLIPVisionConfig> = {
  defaults: {
    hidden_size: 768,
    intermediate_size: 3072,
    projection_dim: 512,
    num_hidden_layers: 12,
    num_attention_heads: 12,
    num_channels: 3,
    image_size: 224,
    patch_size: 32,
    hidden_act: "quick_gelu",
    layer_norm_eps: 1e-5,
  },
  floats: ["layer_norm_eps"],
};

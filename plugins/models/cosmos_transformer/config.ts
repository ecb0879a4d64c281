import {
  anything,
  type ConfigSchema,
  float,
  type FrozenConfig,
  maybe,
  number,
} from "@denoise/core";
import { unsupportedOption } from "@denoise/onnx";

/** Options of a CosmosTransformer3DModel, as they stand in config.json. */
export interface CosmosTransformerConfig {
  /** Channels of the latents. */
  readonly in_channels: number;
  /** Channels of what is predicted. */
  readonly out_channels: number;
  /** How many heads. */
  readonly num_attention_heads: number;
  /** Width of a head. */
  readonly attention_head_dim: number;
  /** Number of blocks. */
  readonly num_layers: number;
  /** Width inside a feed forward, in widths of a token. */
  readonly mlp_ratio: number;
  /** Width of the text's states. */
  readonly text_embed_dim: number;
  /** Width between the two layers that make a block's shift, scale and gate. */
  readonly adaln_lora_dim: number;
  /** The most latents along time, height and width. */
  readonly max_size: readonly number[];
  /** Latents of a token along time, height and width; the first must be 1, the others equal. */
  readonly patch_size: readonly number[];
  /** How far positions are stretched along time, height and width. */
  readonly rope_scale: readonly number[];
  /** Whether a channel that is 1 where an image was padded is beside the latents. */
  readonly concat_padding_mask: boolean;
  /** Must be null: positions are rotary alone. */
  readonly extra_pos_embed_type: string | null;
  /** Must be false: texts are not projected. */
  readonly use_crossattn_projection: boolean;
  /** Must be null: no images are attended to. */
  readonly img_context_dim_in: number | null;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<CosmosTransformerConfig> = {
  in_channels: 16,
  out_channels: 16,
  num_attention_heads: 32,
  attention_head_dim: 128,
  num_layers: 28,
  mlp_ratio: float(4),
  text_embed_dim: 1024,
  adaln_lora_dim: 256,
  max_size: [128, 240, 240],
  patch_size: [1, 2, 2],
  rope_scale: anything<readonly number[]>([2, 1, 1]),
  concat_padding_mask: true,
  extra_pos_embed_type: anything<string | null>("learnable"),
  use_crossattn_projection: false,
  img_context_dim_in: maybe(number),
};

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: FrozenConfig<CosmosTransformerConfig>): void {
  const only = (option: keyof CosmosTransformerConfig, wanted: unknown) => {
    if (config[option] === wanted) return;
    throw unsupportedOption("CosmosTransformer3DModel", option, config[option], [wanted]);
  };
  only("extra_pos_embed_type", null);
  only("use_crossattn_projection", false);
  if (config.img_context_dim_in) only("img_context_dim_in", null);
  const [time, height, width] = config.patch_size;
  if (time !== 1 || height !== width) {
    throw unsupportedOption("CosmosTransformer3DModel", "patch_size", config.patch_size, [
      [1, 2, 2],
    ]);
  }
}

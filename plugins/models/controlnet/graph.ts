import type { FrozenConfig } from "@denoise/core";
import { float32, type GraphDefinition, int64, type Port, timesteps } from "@denoise/onnx";
import {
  conditioning,
  type ConditioningConfig,
  controlEmbedding,
  downBlock,
  downLevel,
  layersAt,
  type MiddleConfig,
  middleLevel,
  timeWidth,
} from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import { add, chunk, concat, conv2d, mean, mul, split } from "@denoise/onnx/nn";
import type { ControlNetConfig } from "./config.ts";

type Config = FrozenConfig<ControlNetConfig>;

/** Options of a UNet that a ControlNet does not have. */
const UNET = {
  time_embedding_dim: null,
  time_embedding_type: "positional",
  time_embedding_act_fn: null,
  timestep_post_act: null,
  class_embeddings_concat: false,
  resnet_skip_time_act: false,
  resnet_out_scale_factor: 1,
} as const;

/** The config as that of the UNet whose way down it copies. */
function unetConfig(config: Config): ConditioningConfig & MiddleConfig {
  const attention_head_dim = config.num_attention_heads ?? config.attention_head_dim;
  return { ...UNET, ...config, attention_head_dim };
}

/** How many residuals there are in the down blocks. */
export function residualCount(config: Config): number {
  const levels = config.block_out_channels.length;
  return levels * layersAt(unetConfig(config), 0) + levels;
}

function labelPort(config: Config): Record<string, Port> {
  const { class_embed_type: type, num_class_embeds: classes } = config;
  if (type === "timestep") return { class_labels: timesteps() };
  if (type === "identity") return { class_labels: float32("batch", timeWidth(unetConfig(config))) };
  if (type === "projection") {
    return { class_labels: float32("batch", config.projection_class_embeddings_input_dim ?? 0) };
  }
  return classes === null ? {} : { class_labels: int64("batch") };
}

/** The image that controls, its channels in the order that the embedding was trained with. */
function controlInput(s: Scope, image: Value, config: Config): Value {
  if (config.controlnet_conditioning_channel_order !== "bgr") return image;
  return concat(s, chunk(s, image, 3, 1).reverse(), 1);
}

/** Latents, time, text and an image to the residuals of a UNet, each times its scale. */
export const forward: GraphDefinition<ControlNetConfig> = {
  inputs: (config) => ({
    sample: float32("batch", config.in_channels, "height", "width"),
    timestep: timesteps(),
    encoder_hidden_states: float32("batch", "tokens", config.cross_attention_dim),
    controlnet_cond: float32("batch", config.conditioning_channels, "rows", "columns"),
    scales: float32(residualCount(config) + 1),
    ...labelPort(config),
    ...(config.addition_embed_type === "text_time"
      ? {
        text_embeds: float32("batch", "pooled"),
        time_ids: { ...float32("batch", "ids"), exact: true },
      }
      : {}),
  }),
  build(s, config, inputs) {
    const { sample, encoder_hidden_states: context, controlnet_cond, scales } = inputs;
    const unet = unetConfig(config);
    const temb = conditioning(s, unet, inputs);

    // in
    const control = controlEmbedding(
      s.at("controlnet_cond_embedding"),
      controlInput(s, controlnet_cond!, config),
      config.conditioning_embedding_out_channels.length,
    );
    let x = add(s, conv2d(s.at("conv_in"), sample!, { padding: 1 }), control); // [N, C, h, w]

    // down
    const skips = [x];
    for (const [i, type] of config.down_block_types.entries()) {
      const options = downLevel(unet, i, temb, context!);
      const level = downBlock(s.at("down_blocks", i), type, x, options);
      x = level.x;
      skips.push(...level.skips);
    }

    // middle
    x = middleLevel(s.at("mid_block"), unet, x, temb, context!);

    // out
    const outputs = [
      ...skips.map((skip, i) => conv2d(s.at("controlnet_down_blocks", i), skip)),
      conv2d(s.at("controlnet_mid_block"), x),
    ];
    const each = split(s, scales!, outputs.map(() => 1), 0);
    const residuals = outputs.map((output, i) => {
      const scaled = mul(s, output, each[i]!);
      return config.global_pool_conditions ? mean(s, scaled, [2, 3]) : scaled;
    });
    return Object.fromEntries(residuals.map((residual, i) => [`residual_${i}`, residual]));
  },
};

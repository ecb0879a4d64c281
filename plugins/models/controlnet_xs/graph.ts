import type { FrozenConfig } from "@denoise/core";
import { float32, type GraphDefinition, optional, timesteps } from "@denoise/onnx";
import {
  controlEmbedding,
  crossAttentionMidBlock,
  downsample,
  resnetBlock,
  type ResnetOptions,
  sizeEmbedding,
  timestepEmbedding,
  timestepWaves,
  transformer2d,
  type Transformer2dOptions,
  upsample,
} from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import { add, chunk, concat, conv2d, groupNorm, mul } from "@denoise/onnx/nn";
import { at, largestFactor, type UNetControlNetXSConfig } from "./config.ts";

type Config = FrozenConfig<UNetControlNetXSConfig>;

/** Residual blocks of a level in the down blocks; one more in the up blocks. */
const LAYERS = 2;

/**
 * The most groups of an adapter's normalizations in a level, or in the middle. A model made of a UNet and an
 * adapter has other ones than its config says, where the reference takes those of a level's first residual block.
 */
export type GroupLimits = (config: Config, level: number | "middle") => number;

/** As the config of a UNetControlNetXSModel says (`from_pretrained` of the reference). */
export const groupsOfConfig: GroupLimits = (config) => config.ctrl_max_norm_num_groups;

/** Those of each level's first residual block (`from_unet` of the reference). */
export const groupsOfParts: GroupLimits = (config, level) => {
  if (level === "middle") return 32;
  const before = Math.max(level - 1, 0);
  const channels = config.ctrl_block_out_channels[before]! + config.block_out_channels[before]!;
  return largestFactor(channels, config.ctrl_max_norm_num_groups);
};

/** What all parts of the model are told. */
interface Told {
  readonly temb: Value;
  readonly context: Value;
  /** What the adapter adds to the UNet is multiplied with it; undefined where it adds nothing. */
  readonly scale: Value | undefined;
}

/** The states of UNet and adapter. */
interface Pair {
  readonly base: Value;
  readonly ctrl: Value;
}

function resnetOf(groups: number, eps: number, groupsOut = groups): ResnetOptions {
  return { groups, groupsOut, eps, activation: "silu" };
}

function baseTransformer(config: Config, level: number): Transformer2dOptions {
  return {
    layers: at(config.transformer_layers_per_block, level),
    heads: at(config.num_attention_heads, level),
    groups: config.norm_num_groups,
    linearProjection: config.use_linear_projection,
    onlyCrossAttention: false,
  };
}

/** The UNet's state with what the adapter adds to it. */
function informed(s: Scope, base: Value, ctrl: Value, { scale }: Told): Value {
  return scale === undefined ? base : add(s, base, mul(s, conv2d(s, ctrl), scale));
}

/** The adapter's state beside what it gets to see of the UNet. */
function seeing(s: Scope, { base, ctrl }: Pair): Value {
  return concat(s, [ctrl, conv2d(s, base)], 1);
}

/** A level in the down blocks of both (`ControlNetXSCrossAttnDownBlock2D`). */
function down(
  s: Scope,
  config: Config,
  level: number,
  input: Pair,
  told: Told,
  limits: GroupLimits,
): Pair[] {
  const attends = config.down_block_types[level]!.startsWith("CrossAttn");
  const base = resnetOf(config.norm_num_groups, 1e-6);
  const most = limits(config, level);
  const channels = config.ctrl_block_out_channels[level]!;
  const groups = largestFactor(channels, most);
  const pairs = [input];
  const last = () => pairs.at(-1)!;
  const step = (i: number, unet: (x: Value) => Value, adapter: (x: Value) => Value) => {
    const seen = told.scale && seeing(s.at("base_to_ctrl", i), last());
    const own = unet(last().base);
    const ctrl = seen ? adapter(seen) : last().ctrl;
    pairs.push({ base: informed(s.at("ctrl_to_base", i), own, ctrl, told), ctrl });
  };
  for (let i = 0; i < LAYERS; i++) {
    const from = Math.max(level - 1, 0);
    const wide = i === 0
      ? config.ctrl_block_out_channels[from]! + config.block_out_channels[from]!
      : channels + config.block_out_channels[level]!;
    const transformer = baseTransformer(config, level);
    const ctrl = resnetOf(largestFactor(wide, most), 1e-5, groups);
    step(i, (x) => {
      const h = resnetBlock(s.at("base_resnets", i), x, told.temb, base);
      return attends ? transformer2d(s.at("base_attentions", i), h, told.context, transformer) : h;
    }, (x) => {
      const h = resnetBlock(s.at("ctrl_resnets", i), x, told.temb, ctrl);
      const heads = at(config.ctrl_num_attention_heads, level);
      return attends
        ? transformer2d(s.at("ctrl_attentions", i), h, told.context, {
          ...transformer,
          ...{ heads, groups },
        })
        : h;
    });
  }
  if (level < config.block_out_channels.length - 1) {
    step(
      LAYERS,
      (x) => downsample(s.at("base_downsamplers"), x),
      (x) => downsample(s.at("ctrl_downsamplers"), x),
    );
  }
  return pairs.slice(1);
}

/** The middle of both (`ControlNetXSCrossAttnMidBlock2D`). */
function middle(
  s: Scope,
  config: Config,
  input: Pair,
  told: Told,
  limits: GroupLimits,
): Value {
  const { temb, context } = told;
  const transformer = baseTransformer(config, -1);
  const own = crossAttentionMidBlock(s.at("base_midblock"), input.base, temb, context, {
    resnet: resnetOf(config.norm_num_groups, 1e-6),
    transformer,
  });
  if (told.scale === undefined) return own;
  const [channels, base] = [
    config.ctrl_block_out_channels.at(-1)!,
    config.block_out_channels.at(-1)!,
  ];
  const groups = largestFactor(common(channels, channels + base), limits(config, "middle"));
  const seen = seeing(s.at("base_to_ctrl"), input);
  const ctrl = crossAttentionMidBlock(s.at("ctrl_midblock"), seen, temb, context, {
    resnet: resnetOf(groups, 1e-6),
    transformer: { ...transformer, heads: at(config.ctrl_num_attention_heads, -1), groups },
  });
  return informed(s.at("ctrl_to_base"), own, ctrl, told);
}

/** The greatest common divisor. */
function common(a: number, b: number): number {
  return b === 0 ? a : common(b, a % b);
}

/** Step `i` in the up blocks (`ControlNetXSCrossAttnUpBlock2D`). */
function up(s: Scope, config: Config, i: number, input: Value, skips: Pair[], told: Told): Value {
  const last = config.block_out_channels.length - 1;
  const attends = config.up_block_types[i]!.startsWith("CrossAttn");
  const resnet = resnetOf(config.norm_num_groups, 1e-6);
  let x = input;
  for (let layer = 0; layer <= LAYERS; layer++) {
    const skip = skips.pop()!;
    const joined = concat(s, [
      informed(s.at("ctrl_to_base", layer), x, skip.ctrl, told),
      skip.base,
    ], 1);
    x = resnetBlock(s.at("resnets", layer), joined, told.temb, resnet);
    if (!attends) continue;
    const transformer = baseTransformer(config, last - i);
    x = transformer2d(s.at("attentions", layer), x, told.context, transformer);
  }
  return i < last ? upsample(s.at("upsamplers"), x) : x;
}

/** What tells the residual blocks of time, text and sizes, [N, E]. */
function embedding(
  s: Scope,
  config: Config,
  inputs: Readonly<Record<string, Value>>,
  isControlled: boolean,
): Value {
  const waves = timestepWaves(s.at("base_time_proj"), inputs.timestep!, {
    width: config.block_out_channels[0]!,
  });
  let temb = timestepEmbedding(s.at("base_time_embedding"), waves);
  if (config.ctrl_learn_time_embedding && isControlled) {
    const share = config.time_embedding_mix ** 0.3;
    const own = timestepEmbedding(s.at("ctrl_time_embedding"), waves);
    temb = add(s, mul(s, own, share), mul(s, temb, 1 - share));
  }
  if (config.addition_embed_type === null) return temb;
  const sizes = { ...config, flip_sin_to_cos: true, freq_shift: 0 };
  return add(s, temb, sizeEmbedding(s.at("base_add_embedding"), sizes, inputs));
}

/** The image that controls, brought to the size of the latents. */
function hint(s: Scope, config: Config, image: Value): Value {
  const rgb = config.ctrl_conditioning_channel_order === "bgr"
    ? concat(s, chunk(s, image, config.ctrl_conditioning_channels, 1).reverse(), 1)
    : image;
  const levels = config.ctrl_conditioning_embedding_out_channels.length;
  return controlEmbedding(s.at("controlnet_cond_embedding"), rgb, levels);
}

/** Latents, time, text and an image to a prediction; without the image to that of the UNet alone. */
export function forward(limits: GroupLimits): GraphDefinition<UNetControlNetXSConfig> {
  return {
    inputs: (config) => ({
      sample: float32("batch", 4, "height", "width"),
      timestep: timesteps(),
      encoder_hidden_states: float32("batch", "tokens", at(config.cross_attention_dim, 0)),
      controlnet_cond: optional(
        float32("batch", config.ctrl_conditioning_channels, "rows", "columns"),
      ),
      conditioning_scale: optional(float32(1)),
      ...(config.addition_embed_type === null ? {} : {
        text_embeds: float32("batch", "pooled"),
        time_ids: { ...float32("batch", "ids"), exact: true },
      }),
    }),
    build(s, config, inputs) {
      const { sample, controlnet_cond: image, encoder_hidden_states: context } = inputs;
      const isControlled = image !== undefined;
      const told: Told = {
        temb: embedding(s, config, inputs, isControlled),
        context: context!,
        scale: isControlled ? inputs.conditioning_scale : undefined,
      };

      // in
      const base = conv2d(s.at("base_conv_in"), sample!, { padding: 1 });
      const ctrl = isControlled
        ? add(s, conv2d(s.at("ctrl_conv_in"), sample!, { padding: 1 }), hint(s, config, image))
        : base;
      const pairs: Pair[] = [
        { base: informed(s.at("control_to_base_for_conv_in"), base, ctrl, told), ctrl },
      ];

      // down
      for (const level of config.down_block_types.keys()) {
        pairs.push(...down(s.at("down_blocks", level), config, level, pairs.at(-1)!, told, limits));
      }

      // middle
      let x = middle(s.at("mid_block"), config, pairs.at(-1)!, told, limits);

      // up
      for (const i of config.up_block_types.keys()) {
        x = up(s.at("up_blocks", i), config, i, x, pairs, told);
      }

      // out
      const normal = groupNorm(s.at("base_conv_norm_out"), x, {
        groups: config.norm_num_groups,
        eps: 1e-5,
        activation: "silu",
      });
      return { prediction: conv2d(s.at("base_conv_out"), normal, { padding: 1 }) };
    },
  };
}

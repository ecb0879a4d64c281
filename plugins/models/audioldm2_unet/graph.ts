import type { FrozenConfig } from "@denoise/core";
import {
  conditioning,
  type Context,
  downBlock,
  downLevel,
  type LevelOptions,
  middleResnet,
  resnetBlock,
  transformer2d,
  transformerAt,
  upBlock,
  upLevel,
} from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import { conv2d, groupNorm, maskBias } from "@denoise/onnx/nn";
import { type AudioLDM2UNet2DConditionConfig, widthsAt } from "./config.ts";

type Config = FrozenConfig<AudioLDM2UNet2DConditionConfig>;
type Inputs = Readonly<Record<string, Value>>;

/** What the reference adds to the scores of what a mask has 0 for. */
const HIDDEN = -10000;

/** Options of UNets of text that these have not, as they are there by default. */
const PLAIN = {
  resnet_skip_time_act: false,
  resnet_out_scale_factor: 1,
  reverse_transformer_layers_per_block: null,
  addition_embed_type: null,
  addition_time_embed_dim: null,
} as const;

/** The first and the second states, each with what masks them. */
function contexts(s: Scope, inputs: Inputs): readonly (Context | undefined)[] {
  return ["", "_1"].map((suffix) => {
    const states = inputs[`encoder_hidden_states${suffix}`];
    const mask = inputs[`encoder_attention_mask${suffix}`];
    return states && { ...states, keyBias: mask && maskBias(s, mask, HIDDEN) };
  });
}

/** The transformers of one attention: the first two that look at states look at the first ones. */
function transformers(
  s: Scope,
  config: Config,
  level: number,
  states: readonly (Context | undefined)[],
) {
  const widths = widthsAt(config, level);
  const [first, second = first] = states;
  return (x: Value, layer: number, options: Parameters<typeof transformer2d>[3]): Value => {
    let h = x;
    for (const [i, width] of widths.entries()) {
      const looksAt = width === null ? undefined : i <= 1 ? first : second;
      const context = looksAt ?? { ...h, isPixels: true };
      h = transformer2d(s.at("attentions", layer * widths.length + i), h, context, options);
    }
    return h;
  };
}

/** Latents, time and states to a prediction. */
export function build(s: Scope, given: Config, inputs: Inputs): Record<string, Value> {
  const config = { ...given, ...PLAIN };
  const temb = conditioning(s, config, inputs);
  const states = contexts(s, inputs);
  const attend = (scope: Scope, level: number, options: LevelOptions) => {
    const run = transformers(scope, given, level, states);
    return (_: Scope, x: Value, i: number) => run(x, i, options.transformer!(i));
  };
  const whole = (scope: Scope, type: string, level: number, options: LevelOptions) =>
    type.startsWith("CrossAttn") ? { ...options, attend: attend(scope, level, options) } : options;
  const none = inputs.sample as Context;

  // in
  const padding = Math.floor((config.conv_in_kernel - 1) / 2);
  let x = conv2d(s.at("conv_in"), inputs.sample!, { padding }); // [N, C, H, W]

  // down
  const skips: (Value | undefined)[] = [x];
  for (const [i, type] of config.down_block_types.entries()) {
    const scope = s.at("down_blocks", i);
    const options = downLevel(config, i, temb, none);
    const level = downBlock(scope, type, x, { ...options, ...whole(scope, type, i, options) });
    x = level.x;
    skips.push(...level.skips);
  }

  // middle
  const last = config.block_out_channels.length - 1;
  const middle = s.at("mid_block");
  const resnet = middleResnet(config);
  const layers = [config.transformer_layers_per_block].flat().at(-1)!;
  x = resnetBlock(middle.at("resnets.0"), x, temb, resnet);
  x = transformers(middle, given, last, states)(x, 0, {
    ...transformerAt(config, last, layers)(0),
    onlyCrossAttention: false,
  });
  x = resnetBlock(middle.at("resnets.1"), x, temb, resnet);

  // up
  for (const [i, type] of config.up_block_types.entries()) {
    const scope = s.at("up_blocks", i);
    const options = upLevel(config, i, temb, none);
    x = upBlock(scope, type, x, skips, whole(scope, type, last - i, options));
  }

  // out
  const { norm_num_groups: groups, norm_eps: eps } = config;
  x = groupNorm(s.at("conv_norm_out"), x, { groups, eps, activation: config.act_fn });
  const outPadding = Math.floor((config.conv_out_kernel - 1) / 2);
  return { prediction: conv2d(s.at("conv_out"), x, { padding: outPadding }) };
}

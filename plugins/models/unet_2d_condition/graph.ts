import type { FrozenConfig } from "@denoise/core";
import {
  conditioning,
  type Context,
  downBlock,
  downLevel,
  imageProjection,
  imageProjections,
  isKBlock,
  kDownBlock,
  kUpBlock,
  middleLevel,
  middleResnet,
  resnetBlock,
  timeWidth,
  upBlock,
  upLevel,
} from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  add,
  attentionReceived,
  concat,
  conv2d,
  groupNorm,
  maskBias,
  mul,
  shapeOf,
  sub,
} from "@denoise/onnx/nn";
import { addedEmbedding, encoderStates, hintLatents } from "./added_conditions.ts";
import type { UNet2DConditionConfig } from "./config.ts";
import { groundedObjects } from "./grounding.ts";
import { takesText } from "./ports.ts";
import { imageMaskInput, levelOf } from "./image_masks.ts";
import { MIDDLE_ATTENTION, perturbedInput } from "./self_attention.ts";
import { simpleCrossAttention } from "./simple_cross_attention.ts";

type Config = FrozenConfig<UNet2DConditionConfig>;
type Inputs = Readonly<Record<string, Value>>;

/** One value for every level, or a list of them, at a level. */
function at<T>(value: T | readonly T[], level: number): T {
  return Array.isArray(value) ? value[level] : value as T;
}

/** What the reference adds to the scores of what a mask has 0 for. */
const HIDDEN = -10000;

/** All that attention looks at beside the pixels. */
function contextOf(s: Scope, config: Config, inputs: Inputs): Context {
  return {
    ...encoderStates(s, config, inputs),
    isPixels: takesText(config) && inputs.encoder_hidden_states === undefined,
    images: imageProjections((name) => s.added(name))
      .map((path, i) =>
        imageProjection(s.at(path), inputs[`image_embeds_${i}`]!, inputs[`image_states_${i}`])
      ),
    keyBias: inputs.encoder_attention_mask && maskBias(s, inputs.encoder_attention_mask, HIDDEN),
    selfBias: inputs.attention_mask && maskBias(s, inputs.attention_mask, HIDDEN),
    perturbed: (path) => inputs[perturbedInput(path)],
    imageMask: (path, i) => inputs[imageMaskInput(i, levelOf(config, path))],
    objects: groundedObjects(s, inputs),
    attendedRows: inputs.attended_rows,
  };
}

/**
 * What differs in levels whose type begins with "Simple".
 *
 * @param i Counts in the direction that levels follow each other.
 * @param level Counts from the top.
 */
function simpleLevel(config: Config, i: number, level: number, context: Context) {
  const channels = config.block_out_channels[level]!;
  const headChannels = at(config.attention_head_dim, i) ?? channels;
  const groups = config.norm_num_groups!;
  const crossNorm = config.cross_attention_norm;
  const onlyText = at(config.only_cross_attention, level);
  const options = { context, headChannels, groups, crossNorm, onlyText };
  return {
    resampleType: "resnet",
    attend: (s: Scope, x: Value) => simpleCrossAttention(s, x, options),
  } as const;
}

/** Level `i` in the down blocks. */
function down(
  s: Scope,
  config: Config,
  i: number,
  x: Value,
  [temb, context, residual]: [temb: Value, context: Context, residual: Value | undefined],
): { x: Value; skips: (Value | undefined)[] } {
  const type = config.down_block_types[i]!;
  const channels = config.block_out_channels[i]!;
  const options = downLevel(config, i, temb, context);
  if (type.startsWith("CrossAttn")) return downBlock(s, type, x, { ...options, residual });
  const level = isKBlock(type)
    ? kDownBlock(s, type, x, { ...options, channels, selfAttention: !options.resample })
    : type.startsWith("Simple")
    ? downBlock(s, type, x, { ...options, ...simpleLevel(config, i, i, context) })
    : downBlock(s, type, x, options);
  if (residual === undefined) return level;
  // The reference adds in place: what the up blocks sees last is changed with it, where it is the result.
  const sum = add(s, level.x, residual);
  return { x: sum, skips: level.skips.map((skip) => skip === level.x ? sum : skip) };
}

/** Whether pixels look at each other in a level of the up blocks of KCrossAttnUpBlock2D. */
function seesPixels(config: Config, level: number): boolean {
  const channels = config.block_out_channels;
  const width = timeWidth(config) * (config.class_embeddings_concat ? 2 : 1);
  return channels[level] === (channels[level - 1] ?? channels[level]) && channels[level] === width;
}

/** Level `i` in the up blocks. */
function up(
  s: Scope,
  config: Config,
  i: number,
  x: Value,
  skips: (Value | undefined)[],
  [temb, context]: [temb: Value, context: Context],
): Value {
  const type = config.up_block_types[i]!;
  const level = config.block_out_channels.length - 1 - i;
  const options = upLevel(config, i, temb, context);
  if (isKBlock(type)) {
    const channels = config.block_out_channels[level]!;
    const selfAttention = seesPixels(config, level);
    return kUpBlock(s, type, x, skips, { ...options, channels, selfAttention });
  }
  const simple = type.startsWith("Simple") ? simpleLevel(config, i, level, context) : {};
  return upBlock(s, type, x, skips, { ...options, ...simple });
}

/** Residual block, attention to pixels and text, residual block (`UNetMidBlock2DSimpleCrossAttn`). */
function simpleMiddle(s: Scope, config: Config, input: Value, temb: Value, context: Context) {
  const resnet = {
    ...middleResnet(config),
    skipTimeActivation: config.resnet_skip_time_act,
  };
  const last = config.block_out_channels.length - 1;
  const headChannels = at(config.attention_head_dim, last);
  const x = resnetBlock(s.at("resnets.0"), input, temb, resnet);
  const seen = simpleCrossAttention(s.at("attentions.0"), x, {
    context,
    headChannels,
    groups: resnet.groups,
    crossNorm: config.cross_attention_norm,
    onlyText: config.mid_block_only_cross_attention ?? config.only_cross_attention === true,
  });
  return resnetBlock(s.at("resnets.1"), seen, temb, resnet);
}

/** Latents, time and what else is known of them to a prediction. */
export function build(s: Scope, config: Config, inputs: Inputs): Record<string, Value> {
  return { prediction: unet(s, config, inputs, contextOf(s, config, inputs)).prediction };
}

/** The same with how much attention the pixels in the middle receive, [N, h, w], where they attend to each other. */
export function buildAttended(s: Scope, config: Config, inputs: Inputs): Record<string, Value> {
  let received: Value | undefined;
  const { prediction, middle } = unet(s, config, inputs, {
    ...contextOf(s, config, inputs),
    watch(s, map) {
      if (s.path === MIDDLE_ATTENTION) received = attentionReceived(s, map);
    },
  });
  if (received === undefined) return { prediction };
  const size = concat(s, [s.ints([0]), shapeOf(s, middle, 2, 4)], 0);
  return { prediction, middle_attention: s.op("Reshape", [received, size]) };
}

function unet(
  s: Scope,
  config: Config,
  inputs: Inputs,
  context: Context,
): { readonly prediction: Value; readonly middle: Value } {
  const { sample, hint, mid_residual } = inputs;
  const temb = conditioning(s, config, inputs, addedEmbedding(s, config, inputs));

  // in
  const centred = config.center_input_sample ? sub(s, mul(s, sample!, 2), 1) : sample!;
  const input = hint === undefined ? centred : concat(s, [centred, hintLatents(s, hint)], 1);
  const padding = Math.floor((config.conv_in_kernel - 1) / 2);
  let x = conv2d(s.at("conv_in"), input, { padding }); // [N, C, H, W]

  // down
  let skips: (Value | undefined)[] = [x];
  for (const i of config.down_block_types.keys()) {
    const residual = inputs[`intrablock_residual_${i}`];
    const level = down(s.at("down_blocks", i), config, i, x, [temb, context, residual]);
    x = level.x;
    skips.push(...level.skips);
  }
  skips = skips.map((skip, i) => {
    const residual = inputs[`down_residual_${i}`];
    return residual === undefined ? skip : add(s, skip!, residual);
  });

  // middle
  const mid = s.at("mid_block");
  x = config.mid_block_type === "UNetMidBlock2DSimpleCrossAttn"
    ? simpleMiddle(mid, config, x, temb, context)
    : middleLevel(mid, config, x, temb, context);
  const middle = x;
  const inside = inputs[`intrablock_residual_${config.down_block_types.length}`];
  if (inside !== undefined) x = add(s, x, inside);
  if (mid_residual !== undefined) x = add(s, x, mid_residual);

  // up
  for (const i of config.up_block_types.keys()) {
    x = up(s.at("up_blocks", i), config, i, x, skips, [temb, context]);
  }

  // out
  const { norm_num_groups: groups, norm_eps: eps } = config;
  if (groups !== null) {
    x = groupNorm(s.at("conv_norm_out"), x, { groups, eps, activation: config.act_fn });
  }
  const outPadding = Math.floor((config.conv_out_kernel - 1) / 2);
  return { prediction: conv2d(s.at("conv_out"), x, { padding: outPadding }), middle };
}

import type { Scope, Value } from "../graph/mod.ts";
import { add, concat, fromTokens, kDownsample, kUpsample, toTokens } from "../nn/mod.ts";
import { attentionLayer } from "./attention_block.ts";
import { headCount, type LevelOptions } from "./down_block.ts";
import type { Context } from "./image_projection.ts";
import { adaGroupNorm } from "./norm.ts";
import { resnetBlock } from "./resnet_block.ts";

/** Types of levels in the manner of k-diffusion in the down blocks. */
export const kDownTypes: readonly string[] = ["KDownBlock2D", "KCrossAttnDownBlock2D"];

/** Types of levels in the manner of k-diffusion in the up blocks. */
export const kUpTypes: readonly string[] = ["KUpBlock2D", "KCrossAttnUpBlock2D"];

/** Whether a level is one in the manner of k-diffusion. */
export function isKBlock(type: string): boolean {
  return kDownTypes.includes(type) || kUpTypes.includes(type);
}

/** Options of a level, and its channels. */
export interface KLevelOptions extends LevelOptions {
  /** Channels of the level. */
  readonly channels: number;
  /** Whether pixels look at each other before they look at the text (`add_self_attention`). */
  readonly selfAttention: boolean;
}

/** Channels of a normalization's group. */
const GROUP = 32;

/** A residual block whose normalizations are conditioned on the time. */
function kResnet(s: Scope, x: Value, { resnet, temb, channels }: KLevelOptions): Value {
  return resnetBlock(s, x, temb, {
    activation: resnet.activation,
    eps: resnet.eps,
    timeScaleShift: "ada_group",
    shortcutBias: false,
    groups: Math.floor(s.shape("conv1.weight")[1]! / GROUP),
    groupsOut: Math.floor(channels / GROUP),
  });
}

/** Self-attention where the level has it, and attention to the text (`KAttentionBlock`). */
function kAttention(s: Scope, input: Value, options: KLevelOptions): Value {
  const { temb, context, headChannels, selfAttention } = options;
  const channels = s.shape("attn2.to_q.weight")[1]!;
  const norm = { groups: Math.max(1, Math.floor(channels / GROUP)), eps: 1e-5 };
  const attend = (x: Value, i: 1 | 2, other: (pixels: Value) => Context) => {
    const attn = s.at(`attn${i}`);
    const pixels = toTokens(s, adaGroupNorm(s.at(`norm${i}`), x, temb, norm)); // [N, H·W, C]
    const seen = attentionLayer(attn, pixels, other(pixels), {
      heads: headCount(attn, headChannels),
      crossNorm: i === 2 ? "layer_norm" : null,
    });
    return add(s, fromTokens(s, seen, x), x);
  };
  const { selfBias } = context!;
  const x = selfAttention
    ? attend(input, 1, (pixels) => ({ ...pixels, keyBias: selfBias }))
    : input;
  return attend(x, 2, () => context!);
}

/** The residual blocks of a level, with attention after each where its type says so. */
function kLayers(s: Scope, input: Value, type: string, count: number, options: KLevelOptions) {
  const states: Value[] = [];
  for (let i = 0; i < count; i++) {
    let x = kResnet(s.at("resnets", i), states.at(-1) ?? input, options);
    if (type.startsWith("KCross")) x = kAttention(s.at("attentions", i), x, options);
    states.push(x);
  }
  return states;
}

/**
 * A level in the down blocks (`KDownBlock2D`, `KCrossAttnDownBlock2D`).
 *
 * @returns The result, and what the up blocks gets to see: nothing of a last level with attention.
 */
export function kDownBlock(
  s: Scope,
  type: string,
  input: Value,
  options: KLevelOptions,
): { x: Value; skips: (Value | undefined)[] } {
  const states = kLayers(s, input, type, options.layers, options);
  const last = states.at(-1)!;
  const x = options.resample ? kDownsample(s, last, options.channels) : last;
  const hidden = type === "KCrossAttnDownBlock2D" && !options.resample;
  return { x, skips: states.map((state) => hidden ? undefined : state) };
}

/**
 * A level in the up blocks (`KUpBlock2D`, `KCrossAttnUpBlock2D`).
 *
 * @param options Its layers as other levels count them: one more than there are residual blocks.
 * @param skips What the down blocks left; as many as there are residual blocks are taken away, of which
 *   the last one counts.
 */
export function kUpBlock(
  s: Scope,
  type: string,
  input: Value,
  skips: (Value | undefined)[],
  options: KLevelOptions,
): Value {
  const count = options.layers - 1;
  const skip = skips.splice(-count).at(-1);
  const joined = skip === undefined ? input : concat(s, [input, skip], 1); // [N, C + C', H, W]
  const x = kLayers(s, joined, type, count, options).at(-1)!;
  if (!options.resample) return x;
  const channels = s.shape(`resnets.${count - 1}.conv2.weight`)[0]!;
  return kUpsample(s, x, channels);
}

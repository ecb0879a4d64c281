import type { Scope, Value } from "../graph/mod.ts";
import { add, concat, conv2d, firDownsample, firUpsample, groupNorm } from "../nn/mod.ts";
import { attentionBlock } from "./attention_block.ts";
import { headCount, type LevelOptions } from "./down_block.ts";
import { resnetBlock, type ResnetOptions } from "./resnet_block.ts";

/** Channels of the image that goes along beside the states: fixed in the reference. */
export const skipImageChannels = 3;

/** Types of levels in the down blocks that take a smaller and smaller image along. */
export const skipDownTypes: readonly string[] = ["SkipDownBlock2D", "AttnSkipDownBlock2D"];

/** Types of levels in the up blocks that add a larger and larger image. */
export const skipUpTypes: readonly string[] = ["SkipUpBlock2D", "AttnSkipUpBlock2D"];

/** How a level of this kind is built; its residual blocks have groups and a scale of their own. */
export type SkipLevelOptions = Pick<
  LevelOptions,
  "layers" | "temb" | "resample" | "headChannels" | "resnet"
>;

/** What sums are divided by, so that their variance stays. */
const SCALE = Math.SQRT2;

/** Groups of a normalization, 32 at most and of four channels at least. */
export function usualGroups(channels: number): number {
  return Math.min(Math.floor(channels / 4), 32);
}

/** Options of a residual block: the scale of these levels, and groups from its own channels. */
function ownResnet(s: Scope, resnet: ResnetOptions): ResnetOptions {
  const [channels, channelsOut] = [s.shape("norm1.weight")[0]!, s.shape("norm2.weight")[0]!];
  return {
    ...resnet,
    groups: usualGroups(channels),
    groupsOut: usualGroups(channelsOut),
    outputScale: SCALE,
  };
}

/** Groups of joined channels in a level with attention, where the reference divides the skip alone. */
function joinedGroups(s: Scope, isLast: boolean): number {
  const [joined, out] = [s.shape("norm1.weight")[0]!, s.shape("norm2.weight")[0]!];
  const skip = isLast ? joined - out : out;
  return Math.min(joined - skip + Math.floor(skip / 4), 32);
}

function attend(s: Scope, x: Value, { headChannels, resnet }: SkipLevelOptions): Value {
  return attentionBlock(s, x, {
    heads: headCount(s, headChannels),
    groups: 32,
    eps: resnet.eps,
    outputScale: SCALE,
  });
}

/**
 * A level in the down blocks of a score-based model (`SkipDownBlock2D`, `AttnSkipDownBlock2D`; Song et
 * al., arXiv:2011.13456, appendix H): the image is made smaller beside it and added to its states.
 *
 * @param image [N, 3, H, W], at the size of the level.
 * @returns The result, what the level of the same size in the up blocks gets to see, and the image at
 *   the size of the result.
 */
export function skipDownBlock(
  s: Scope,
  type: string,
  input: Value,
  image: Value,
  options: SkipLevelOptions,
): { x: Value; skips: Value[]; image: Value } {
  const { layers, temb, resnet } = options;
  const skips: Value[] = [];
  let x = input;
  for (let i = 0; i < layers; i++) {
    const block = s.at("resnets", i);
    x = resnetBlock(block, x, temb, ownResnet(block, resnet));
    if (type.startsWith("Attn")) x = attend(s.at("attentions", i), x, options);
    skips.push(x);
  }
  if (!options.resample) return { x, skips, image };
  const smaller = firDownsample(s, image, skipImageChannels); // [N, 3, H/2, W/2]
  const block = s.at("resnet_down");
  const resample = { resample: "down", filter: "fir", shortcut: true } as const;
  x = resnetBlock(block, x, temb, { ...ownResnet(block, resnet), ...resample });
  x = add(s, conv2d(s.at("skip_conv"), smaller), x);
  return { x, skips: [...skips, x], image: smaller };
}

/**
 * A level in the up blocks (`SkipUpBlock2D`, `AttnSkipUpBlock2D`): what it says of the image is added to
 * what the levels below have said.
 *
 * @param skips What the down blocks left, the last first to be taken; `layers` of them are taken away.
 * @param image [N, 3, H/2, W/2]; none at the first of these levels.
 * @returns The result, and the image at the size of the level.
 */
export function skipUpBlock(
  s: Scope,
  type: string,
  input: Value,
  skips: (Value | undefined)[],
  image: Value | undefined,
  options: SkipLevelOptions,
): { x: Value; image: Value | undefined } {
  const { layers, temb, resnet } = options;
  const hasAttention = type.startsWith("Attn");
  let x = input;
  for (let i = 0; i < layers; i++) {
    const block = s.at("resnets", i);
    const own = ownResnet(block, resnet);
    const groups = hasAttention ? joinedGroups(block, i === layers - 1) : own.groups;
    x = resnetBlock(block, concat(s, [x, skips.pop()!], 1), temb, { ...own, groups });
  }
  if (hasAttention) x = attend(s.at("attentions.0"), x, options);
  const larger = image && firUpsample(s, image, skipImageChannels); // [N, 3, H, W]
  if (!options.resample) return { x, image: larger };

  const norm = s.at("skip_norm");
  const groups = usualGroups(norm.shape("weight")[0]!);
  const normal = groupNorm(norm, x, { groups, eps: resnet.eps, activation: "silu" });
  const said = conv2d(s.at("skip_conv"), normal, { padding: 1 });
  const block = s.at("resnet_up");
  const resample = { resample: "up", filter: "fir", shortcut: true } as const;
  x = resnetBlock(block, x, temb, { ...ownResnet(block, resnet), ...resample });
  return { x, image: larger === undefined ? said : add(s, larger, said) };
}

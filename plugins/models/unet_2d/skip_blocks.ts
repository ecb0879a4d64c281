import {
  attentionBlock,
  headCount,
  type LevelOptions,
  resnetBlock,
  type ResnetOptions,
} from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  activation,
  add,
  concat,
  conv2d,
  firDownsample,
  firUpsample,
  groupNorm,
} from "@denoise/onnx/nn";

/** Channels of the picture that goes along beside the states: fixed in the reference. */
export const PICTURE_CHANNELS = 3;

/** Types of levels on the way down that take a smaller and smaller picture along. */
export const skipDownTypes: readonly string[] = ["SkipDownBlock2D", "AttnSkipDownBlock2D"];

/** Types of levels on the way up that add a larger and larger picture. */
export const skipUpTypes: readonly string[] = ["SkipUpBlock2D", "AttnSkipUpBlock2D"];

/** How a level of this kind is built; its residual blocks find their own groups. */
export type SkipLevelOptions =
  & Pick<LevelOptions, "layers" | "temb" | "resample" | "headChannels">
  & { readonly resnet: Omit<ResnetOptions, "groups"> };

/** Groups of a normalization, 32 at most and of four channels at least. */
export function usualGroups(channels: number): number {
  return Math.min(Math.floor(channels / 4), 32);
}

/** Groups of both normalizations of a residual block, from its own channels. */
function ownGroups(s: Scope): Pick<ResnetOptions, "groups" | "groupsOut"> {
  const [channels, channelsOut] = [s.shape("norm1.weight")[0]!, s.shape("norm2.weight")[0]!];
  return { groups: usualGroups(channels), groupsOut: usualGroups(channelsOut) };
}

/** The same for a level with attention on the way up, where the reference divides the skip alone. */
function attentionUpGroups(s: Scope, isLast: boolean): ReturnType<typeof ownGroups> {
  const [joined, out] = [s.shape("norm1.weight")[0]!, s.shape("norm2.weight")[0]!];
  const skip = isLast ? joined - out : out;
  return {
    groups: Math.min(joined - skip + Math.floor(skip / 4), 32),
    groupsOut: usualGroups(out),
  };
}

function attend(s: Scope, x: Value, { headChannels, resnet }: SkipLevelOptions): Value {
  const { eps, outputScale } = resnet;
  return attentionBlock(s, x, { heads: headCount(s, headChannels), groups: 32, eps, outputScale });
}

/**
 * A level on the way down of a score-based model (`SkipDownBlock2D`, `AttnSkipDownBlock2D`; Song et
 * al., arXiv:2011.13456, appendix H): the picture is made smaller beside it and added to its states.
 *
 * @param picture [N, 3, H, W], at the size of the level.
 * @returns The result, what the level of the same size on the way up gets to see, and the picture at
 *   the size of the result.
 */
export function skipDownBlock(
  s: Scope,
  type: string,
  input: Value,
  picture: Value,
  options: SkipLevelOptions,
): { x: Value; skips: Value[]; picture: Value } {
  const { layers, temb, resnet } = options;
  const skips: Value[] = [];
  let x = input;
  for (let i = 0; i < layers; i++) {
    const block = s.at("resnets", i);
    x = resnetBlock(block, x, temb, { ...resnet, ...ownGroups(block) });
    if (type.startsWith("Attn")) x = attend(s.at("attentions", i), x, options);
    skips.push(x);
  }
  if (!options.resample) return { x, skips, picture };
  const smaller = firDownsample(s, picture, PICTURE_CHANNELS); // [N, 3, H/2, W/2]
  const block = s.at("resnet_down");
  x = resnetBlock(block, x, temb, {
    ...resnet,
    ...ownGroups(block),
    resample: "down",
    filter: "fir",
  });
  x = add(s, conv2d(s.at("skip_conv"), smaller), x);
  return { x, skips: [...skips, x], picture: smaller };
}

/**
 * A level on the way up (`SkipUpBlock2D`, `AttnSkipUpBlock2D`): what it says of the picture is added to
 * what the levels below have said.
 *
 * @param skips What the way down left, the last first to be taken; `layers` of them are taken away.
 * @param picture [N, 3, H/2, W/2]; none at the first of these levels.
 * @returns The result, and the picture at the size of the level.
 */
export function skipUpBlock(
  s: Scope,
  type: string,
  input: Value,
  skips: Value[],
  picture: Value | undefined,
  options: SkipLevelOptions,
): { x: Value; picture: Value | undefined } {
  const { layers, temb, resnet } = options;
  const hasAttention = type.startsWith("Attn");
  let x = input;
  for (let i = 0; i < layers; i++) {
    const block = s.at("resnets", i);
    const groups = hasAttention ? attentionUpGroups(block, i === layers - 1) : ownGroups(block);
    x = resnetBlock(block, concat(s, [x, skips.pop()!], 1), temb, { ...resnet, ...groups });
  }
  if (hasAttention) x = attend(s.at("attentions.0"), x, options);
  const larger = picture && firUpsample(s, picture, PICTURE_CHANNELS); // [N, 3, H, W]
  if (!options.resample) return { x, picture: larger };

  const norm = s.at("skip_norm");
  const groups = usualGroups(norm.shape("weight")[0]!);
  const normal = activation(s, groupNorm(norm, x, { groups, eps: resnet.eps }), "silu");
  const said = conv2d(s.at("skip_conv"), normal, { padding: 1 });
  const block = s.at("resnet_up");
  x = resnetBlock(block, x, temb, {
    ...resnet,
    ...ownGroups(block),
    resample: "up",
    filter: "fir",
  });
  return { x, picture: larger === undefined ? said : add(s, larger, said) };
}

import type { Scope, Value } from "../graph/mod.ts";
import { concat } from "../nn/mod.ts";
import { levelAttention, type LevelOptions } from "./down_block.ts";
import { upsample } from "./resample.ts";
import { resnetBlock } from "./resnet_block.ts";

/** Types of levels that can be built. */
export const upBlockTypes: readonly string[] = Object.freeze([
  "UpBlock2D",
  "AttnUpBlock2D",
  "CrossAttnUpBlock2D",
  "ResnetUpsampleBlock2D",
]);

/**
 * A level in the up blocks.
 *
 * @param type One of {@linkcode upBlockTypes}.
 * @param skips What the down blocks left, the last first to be taken; `layers` of them are taken away.
 */
export function upBlock(
  s: Scope,
  type: string,
  input: Value,
  skips: (Value | undefined)[],
  options: LevelOptions,
): Value {
  const { resnet, temb, layers } = options;
  const attend = levelAttention(type, options);
  let x = input;
  for (let i = 0; i < layers; i++) {
    const joined = concat(s, [x, skips.pop()!], 1); // [N, C + C', H, W]
    x = resnetBlock(s.at("resnets", i), joined, temb, resnet);
    if (attend !== undefined) x = attend(s.at("attentions", i), x, i);
  }
  if (!options.resample) return x;
  const byResnet = type === "ResnetUpsampleBlock2D" || options.resampleType === "resnet";
  return byResnet
    ? resnetBlock(s.at("upsamplers.0"), x, temb, { ...resnet, resample: "up" })
    : upsample(s.at("upsamplers.0"), x, skips.at(-1), resnet.pixels && 4 * resnet.pixels);
}

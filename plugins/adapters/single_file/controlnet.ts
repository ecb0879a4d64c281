import { unetName, type UNetNames } from "./unet.ts";

/** Today's name of a tensor of an original ControlNet: half a UNet, with convolutions beside it. */
export function controlNetName(name: string, config: UNetNames): string {
  const zero = name.match(/^zero_convs\.(\d+)\.0\.(.*)$/);
  if (zero !== null) return `controlnet_down_blocks.${zero[1]}.${zero[2]}`;
  if (name.startsWith("middle_block_out.0.")) {
    return name.replace("middle_block_out.0.", "controlnet_mid_block.");
  }
  const hint = name.match(/^input_hint_block\.(\d+)\.(.*)$/);
  if (hint === null) return unetName(name, config);
  const layer = Number(hint[1]);
  const module = layer === 0
    ? "conv_in"
    : layer === HINT_LAST
    ? "conv_out"
    : `blocks.${layer / 2 - 1}`; // an activation is between two
  return `controlnet_cond_embedding.${module}.${hint[2]}`;
}

/** The last layer of the convolutions that the image goes through; all original models have so many. */
const HINT_LAST = 14;

import {
  anything,
  type ConfigSchema,
  either,
  float,
  maybe,
  number,
  numbers,
  oneOf,
} from "@denoise/core";
import { checkKnown, checkLevels, unsupportedOption } from "@denoise/onnx";
import { downBlockTypes, isKBlock, upBlockTypes } from "@denoise/onnx/blocks";
import { IMAGE_CHANNELS, skipDownTypes, skipUpTypes } from "./skip_blocks.ts";

/** Options of a UNet2DModel, as they stand in config.json. */
export interface UNet2DConfig {
  /** Height and width it was trained for. */
  readonly sample_size: number | readonly number[] | null;
  /** Channels of the sample. */
  readonly in_channels: number;
  /** Channels of the output. */
  readonly out_channels: number;
  /** Whether the sample is brought from 0..1 to -1..1 first. */
  readonly center_input_sample: boolean;
  /** How the timestep becomes a vector: sines, random frequencies or a learned table. */
  readonly time_embedding_type: "positional" | "fourier" | "learned";
  /** Width of the time embedding. Defaults to four times the first level's channels. */
  readonly time_embedding_dim: number | null;
  /** Taken from the number of frequencies in the time embedding: 1 as in DDPM, 0 elsewhere. */
  readonly freq_shift: number;
  /** Whether the cosines of the time embedding come before the sines. */
  readonly flip_sin_to_cos: boolean;
  /** Block of each level in the down blocks, by its class name. */
  readonly down_block_types: readonly string[];
  /** Block in the middle, by its class name; none when null. */
  readonly mid_block_type: "UNetMidBlock2D" | null;
  /** Block of each level in the up blocks, by its class name. */
  readonly up_block_types: readonly string[];
  /** Channels of each level, from the sample's size down. */
  readonly block_out_channels: readonly number[];
  /** Residual blocks of a level in the down blocks; one more in the up blocks. */
  readonly layers_per_block: number;
  /** What the sums of the middle block are divided by. */
  readonly mid_block_scale_factor: number;
  /** 1, or 0 for zeros at bottom and right alone. */
  readonly downsample_padding: number;
  /** What halves the size: a convolution, or a residual block. */
  readonly downsample_type: "conv" | "resnet";
  /** What doubles the size: a convolution, or a residual block. */
  readonly upsample_type: "conv" | "resnet";
  /** Used in training alone. */
  readonly dropout: number;
  /** Activation, by its name in diffusers. */
  readonly act_fn: string;
  /** Channels of an attention head; all of a level's when null. */
  readonly attention_head_dim: number | null;
  /** Groups of each normalisation; from the channels when null, where levels are Skip or K blocks. */
  readonly norm_num_groups: number | null;
  /** Groups of the normalisation before an attention; `norm_num_groups` when null. */
  readonly attn_norm_num_groups: number | null;
  /** Added to the variance in each normalisation. */
  readonly norm_eps: number;
  /** Whether the time embedding is added, or scales and shifts. */
  readonly resnet_time_scale_shift: "default" | "scale_shift";
  /** Whether the middle has attention. */
  readonly add_attention: boolean;
  /** How a class label becomes a vector; by a table when only `num_class_embeds` is given. */
  readonly class_embed_type: "timestep" | "identity" | null;
  /** Number of classes; no labels are taken when null. */
  readonly num_class_embeds: number | null;
  /** Rows of a learned time embedding. */
  readonly num_train_timesteps: number | null;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<UNet2DConfig> = {
  sample_size: maybe(either(number, numbers)),
  in_channels: 3,
  out_channels: 3,
  center_input_sample: false,
  time_embedding_type: oneOf("positional", "fourier", "learned"),
  time_embedding_dim: maybe(number),
  freq_shift: 0,
  flip_sin_to_cos: true,
  down_block_types: ["DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"],
  mid_block_type: anything("UNetMidBlock2D"),
  up_block_types: ["AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"],
  block_out_channels: [224, 448, 672, 896],
  layers_per_block: 2,
  mid_block_scale_factor: 1,
  downsample_padding: 1,
  downsample_type: oneOf("conv", "resnet"),
  upsample_type: oneOf("conv", "resnet"),
  dropout: float(0),
  act_fn: "silu",
  attention_head_dim: maybe(number, 8),
  norm_num_groups: maybe(number, 32),
  attn_norm_num_groups: maybe(number),
  norm_eps: float(1e-5),
  resnet_time_scale_shift: oneOf("default", "scale_shift"),
  add_attention: true,
  class_embed_type: anything(null),
  num_class_embeds: maybe(number),
  num_train_timesteps: maybe(number),
};

/** A block's class name without the prefix of old configs: `UNetResDownBlock2D` is `DownBlock2D`. */
export function blockName(type: string): string {
  return type.replace(/^UNetRes/, "");
}

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: UNet2DConfig): void {
  checkLevels("UNet2DModel", config, "block_out_channels", ["down_block_types", "up_block_types"]);
  const plain = (types: readonly string[]) => types.filter((type) => !type.startsWith("Cross"));
  const types = {
    down_block_types: config.down_block_types.map(blockName),
    up_block_types: config.up_block_types.map(blockName),
  };
  checkKnown("UNet2DModel", { ...config, ...types }, {
    down_block_types: [...plain(downBlockTypes), ...skipDownTypes, "KDownBlock2D"],
    up_block_types: [...plain(upBlockTypes), ...skipUpTypes, "KUpBlock2D"],
    mid_block_type: ["UNetMidBlock2D", null],
    class_embed_type: [null, "timestep", "identity"],
  });
  checkGroups(config);
  checkSkips(config);
}

/** Skip and K blocks know their own groups; levels of K blocks leave nothing that others could take. */
function checkGroups(config: UNet2DConfig): void {
  const types = [...config.down_block_types, ...config.up_block_types].map(blockName);
  if (config.norm_num_groups === null && !types.every((type) => /^K|Skip/.test(type))) {
    throw unsupportedOption("UNet2DModel", "norm_num_groups", null, ["a number"]);
  }
  const other = types.find((type) => !isKBlock(type));
  if (other === undefined || !types.some(isKBlock)) return;
  throw new RangeError(
    `Cannot build UNet2DModel: KDownBlock2D and KUpBlock2D do not fit together with ${other}; all ` +
      `levels must be K blocks, or none`,
  );
}

/** The image beside the states is at the right size only where Skip blocks follow each other. */
function checkSkips(config: UNet2DConfig): void {
  const isSkip = (type: string) => blockName(type).includes("Skip");
  const [down, up] = [config.down_block_types.map(isSkip), config.up_block_types.map(isSkip)];
  const resampling = down.length - 1;
  const channels = {
    in_channels: down.slice(0, resampling).some(Boolean),
    out_channels: up.slice(0, resampling).some(Boolean),
  };
  for (const option of ["in_channels", "out_channels"] as const) {
    if (!channels[option] || config[option] === IMAGE_CHANNELS) continue;
    throw unsupportedOption("UNet2DModel", option, config[option], [IMAGE_CHANNELS]);
  }
  const afterPlain = down.findIndex((skip, i) =>
    skip && i < resampling && down.slice(0, i).includes(false)
  );
  const afterSkip = up.findIndex((skip, i) => !skip && up.slice(0, i).includes(true));
  if (afterPlain < 0 && afterSkip < 0) return;
  const [option, level] = afterPlain < 0
    ? ["up_block_types", afterSkip] as const
    : ["down_block_types", afterPlain] as const;
  throw new RangeError(
    `Cannot build UNet2DModel: in ${option}, ${config[option][level]} follows ` +
      `${
        config[option][level - 1]
      }; Skip blocks come first in the down blocks and last in the up blocks`,
  );
}

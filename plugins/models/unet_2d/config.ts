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
import {
  blockName,
  downBlockTypes,
  isKBlock,
  skipDownTypes,
  skipImageChannels,
  skipUpTypes,
  type UNet2DConfig,
  upBlockTypes,
} from "@denoise/onnx/blocks";

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
    if (!channels[option] || config[option] === skipImageChannels) continue;
    throw unsupportedOption("UNet2DModel", option, config[option], [skipImageChannels]);
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

import {
  type ConfigSchema,
  float,
  type FrozenConfig,
  maybe,
  number,
  oneOf,
  string,
} from "@denoise/core";
import { unsupportedOption } from "@denoise/onnx";
import { downTypes, midTypes, outTypes, upTypes } from "./blocks.ts";

/** Options of a UNet1DModel, as they stand in config.json. */
export interface UNet1DConfig {
  /** Length of the samples that it was trained for. */
  readonly sample_size: number;
  /** Samples in a second, for models of audio. */
  readonly sample_rate: number | null;
  /** Channels of the sample. */
  readonly in_channels: number;
  /** Channels of the output. */
  readonly out_channels: number;
  /** Channels that the first level takes beside those of the sample: the time, in DownBlock1DNoSkip. */
  readonly extra_in_channels: number;
  /** How the timestep becomes a vector: random frequencies or sines. */
  readonly time_embedding_type: "fourier" | "positional";
  /** Width of the Fourier embedding; that of the checkpoint when null. */
  readonly time_embedding_dim: number | null;
  /** Whether the cosines of the time embedding come before the sines. */
  readonly flip_sin_to_cos: boolean;
  /** Whether two linear layers follow on the time embedding. */
  readonly use_timestep_embedding: boolean;
  /** Taken from the number of frequencies in a positional embedding. */
  readonly freq_shift: number;
  /** Block of each level in the down blocks, by its class name. */
  readonly down_block_types: readonly string[];
  /** Block of each level in the up blocks, by its class name. */
  readonly up_block_types: readonly string[];
  /** Block in the middle, by its class name. */
  readonly mid_block_type: string;
  /** Block at the end, by its class name; none when null. */
  readonly out_block_type: string | null;
  /** Channels of each level, from the sample's length down. */
  readonly block_out_channels: readonly number[];
  /** Activation of the time embedding's layers and of the last block. */
  readonly act_fn: string | null;
  /** Groups of the last block's normalisation. */
  readonly norm_num_groups: number | null;
  /** Residual blocks of a level but one, for DownResnetBlock1D and its counterparts. */
  readonly layers_per_block: number;
  /** Whether the last level and the middle halve the length too. */
  readonly downsample_each_block: boolean;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<UNet1DConfig> = {
  sample_size: 65536,
  sample_rate: maybe(number),
  in_channels: 2,
  out_channels: 2,
  extra_in_channels: 0,
  time_embedding_type: oneOf("fourier", "positional"),
  time_embedding_dim: maybe(number),
  flip_sin_to_cos: true,
  use_timestep_embedding: false,
  freq_shift: float(0),
  down_block_types: ["DownBlock1DNoSkip", "DownBlock1D", "AttnDownBlock1D"],
  up_block_types: ["AttnUpBlock1D", "UpBlock1D", "UpBlock1DNoSkip"],
  mid_block_type: "UNetMidBlock1D",
  out_block_type: maybe(string),
  block_out_channels: [32, 32, 64],
  act_fn: maybe(string),
  norm_num_groups: maybe(number, 8),
  layers_per_block: 1,
  downsample_each_block: false,
};

type Config = FrozenConfig<UNet1DConfig>;

/** Activations of the reference. */
const ACTIVATIONS = ["swish", "silu", "mish", "gelu", "relu"];

/** Blocks whose residual parts take the time as a vector, which the two linear layers make. */
const TIME_VECTOR = [
  "DownResnetBlock1D",
  "UpResnetBlock1D",
  "MidResTemporalBlock1D",
  "ValueFunctionMidBlock1D",
  "ValueFunction",
];

/** The block that takes the time as channels of the sample. */
const TIME_CHANNELS = "DownBlock1DNoSkip";

function refuse(option: keyof UNet1DConfig, value: unknown, known?: readonly unknown[]): never {
  throw unsupportedOption("UNet1DModel", option, value, known);
}

/** Whether the first level takes the time as channels of its own. */
export function takesTimeChannels(config: Config): boolean {
  return config.down_block_types[0] === TIME_CHANNELS;
}

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: Config): void {
  checkTypes(config);
  checkLevels(config);
  checkTime(config);
  const { act_fn, out_block_type, use_timestep_embedding } = config;
  const isActivated = use_timestep_embedding || out_block_type !== null;
  if (isActivated && !ACTIVATIONS.includes(act_fn?.toLowerCase() ?? "")) {
    refuse("act_fn", act_fn, ACTIVATIONS);
  }
}

function checkTypes(config: Config): void {
  const lists = { down_block_types: downTypes, up_block_types: upTypes } as const;
  for (const option of ["down_block_types", "up_block_types"] as const) {
    const unknown = config[option].find((type) => !lists[option].includes(type));
    if (unknown !== undefined) refuse(option, unknown, lists[option]);
  }
  const { mid_block_type, out_block_type } = config;
  if (!midTypes.includes(mid_block_type)) refuse("mid_block_type", mid_block_type, midTypes);
  if (out_block_type !== null && !outTypes.includes(out_block_type)) {
    refuse("out_block_type", out_block_type, [...outTypes, null]);
  }
}

function checkLevels({ block_out_channels, down_block_types, up_block_types }: Config): void {
  const [levels, down, up] = [block_out_channels, down_block_types, up_block_types]
    .map((list) => list.length) as [number, number, number];
  if (down < 1 || down > levels) {
    throw new RangeError(
      `Cannot build UNet1DModel: down_block_types names ${down} levels, but block_out_channels ` +
        `${levels}; there must be one at least, and no more than that`,
    );
  }
  if (up > down) {
    throw new RangeError(
      `Cannot build UNet1DModel: up_block_types names ${up} levels, but down_block_types ${down}; ` +
        `each level in the up blocks needs one in the down blocks`,
    );
  }
}

function checkTime(config: Config): void {
  const { down_block_types, up_block_types, mid_block_type, out_block_type } = config;
  if (down_block_types.indexOf(TIME_CHANNELS, 1) !== -1) {
    throw new RangeError(
      `Cannot build UNet1DModel: ${TIME_CHANNELS} can only be the first of down_block_types`,
    );
  }
  const blocks = [...down_block_types, ...up_block_types, mid_block_type, out_block_type];
  const wanting = config.use_timestep_embedding
    ? blocks.find((type) => type === TIME_CHANNELS)
    : blocks.find((type) => type !== null && TIME_VECTOR.includes(type));
  if (wanting !== undefined) {
    throw new RangeError(
      `Cannot build UNet1DModel with ${wanting} and use_timestep_embedding ` +
        `${config.use_timestep_embedding}: that block needs it to be ` +
        `${!config.use_timestep_embedding}`,
    );
  }
  const { time_embedding_dim, time_embedding_type } = config;
  if (time_embedding_type === "fourier" && (time_embedding_dim ?? 0) % 2 !== 0) {
    throw new RangeError(
      `Cannot build UNet1DModel: time_embedding_dim is ${time_embedding_dim}, but must be even`,
    );
  }
}

/** Blocks that resample with a kernel of eight, which needs three numbers at least. */
const CUBIC = ["DownBlock1D", "AttnDownBlock1D", "UpBlock1D", "AttnUpBlock1D", "UNetMidBlock1D"];

/** Of what the length of a sample must be a multiple, and which length is the shortest. */
export function lengthRule(config: Config): { readonly multiple: number; readonly least: number } {
  const { down_block_types, mid_block_type, up_block_types, block_out_channels } = config;
  const last = block_out_channels.length - 1;
  const halves = (type: string, level: number) =>
    type === "DownResnetBlock1D"
      ? level < last || config.downsample_each_block
      : type !== TIME_CHANNELS;
  const halvings = down_block_types.filter(halves).length +
    (mid_block_type === "UNetMidBlock1D" ? 1 : 0);
  const isCubic = [...down_block_types, mid_block_type, ...up_block_types].some((type) =>
    CUBIC.includes(type)
  );
  return {
    multiple: up_block_types.length === 0 ? 1 : 2 ** halvings,
    least: isCubic ? 3 * 2 ** halvings : 1,
  };
}

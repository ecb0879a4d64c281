import {
  anything,
  type ConfigSchema,
  type FrozenConfig,
  maybe,
  number,
  numbers,
} from "@denoise/core";
import { unsupportedOption } from "@denoise/onnx";

/** Options of an AutoencoderKLQwenImage21, as they stand in config.json. */
export interface AutoencoderKLQwenImage21Config {
  /** Channels of the encoder's first level. */
  readonly base_dim: number;
  /** Channels of the decoder's last level; `base_dim` when null. */
  readonly decoder_base_dim: number | null;
  /** Channels of the latents. */
  readonly z_dim: number;
  /** How many times these the channels of each level are, from the image's size down. */
  readonly dim_mult: readonly number[];
  /** Residual blocks of a level of the encoder; one more in the decoder. */
  readonly num_res_blocks: number;
  /** Must be empty where `is_residual` is false: the reference itself cannot run such an encoder. */
  readonly attn_scales: readonly number[];
  /** Between which levels a video's frames are halved too, which changes shortcuts. */
  readonly temperal_downsample: readonly boolean[];
  /** Mean of each channel of the latents. */
  readonly latents_mean: readonly number[];
  /** Standard deviation of each channel of the latents. */
  readonly latents_std: readonly number[];
  /** Whether levels have shortcuts of means and copies. */
  readonly is_residual: boolean;
  /** Channels of the image that is encoded. */
  readonly in_channels: number;
  /** Channels of the image that is decoded. */
  readonly out_channels: number;
  /** Must be null: pixels are not packed. */
  readonly patch_size: number | null;
  /** Frames that become one, which does not concern a single frame. */
  readonly scale_factor_temporal: number | null;
  /** Pixels of a side that become one latent: 2 for each level but the last. */
  readonly scale_factor_spatial: number | null;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<AutoencoderKLQwenImage21Config> = {
  base_dim: 96,
  decoder_base_dim: maybe(number, 144),
  z_dim: 64,
  dim_mult: numbers([1, 2, 4, 8, 8]),
  num_res_blocks: 2,
  attn_scales: numbers([]),
  temperal_downsample: anything<readonly boolean[]>([false, true, true, true]),
  // deno-fmt-ignore
  latents_mean: numbers([
    0.5126, 0.7721, -0.0631, 1.3506, -0.7855, -2.1025, -0.3458, 1.3722,
    1.8873, -1.7177, -0.6510, 0.2732, 0.7562, -0.6163, -1.0277, 3.8363,
    2.0210, 0.0472, 0.9320, 2.0087, 2.4954, -0.1391, -1.4249, 1.8464,
    -0.5236, 1.2826, 3.7046, -1.3035, 2.7286, -1.4518, -1.9036, -1.9955,
    -0.0342, -1.0265, -0.7636, 3.0555, 0.0746, -3.0751, -0.1076, 1.7376,
    -1.0914, -1.9435, -0.2784, -1.3680, 0.4809, -0.4433, 0.3764, 0.5729,
    -2.0595, 1.0960, -1.3260, -2.0211, -5.0179, 0.5275, 4.0162, 1.8505,
    0.3026, 1.9373, 1.4937, 0.2632, 0.5547, -1.7121, -0.1562, 0.0304,
  ]),
  // deno-fmt-ignore
  latents_std: numbers([
    3.2001, 3.2936, 3.4321, 3.0091, 3.1061, 4.0379, 4.0705, 3.7910,
    3.0785, 3.6500, 3.9308, 3.0904, 2.8778, 3.7675, 3.7320, 5.0756,
    3.2864, 4.0397, 3.1317, 4.0443, 2.9249, 3.9454, 3.0988, 4.2489,
    3.4896, 3.8513, 3.9323, 3.4719, 3.7498, 4.2830, 3.5694, 4.2467,
    3.9037, 3.2947, 5.0770, 3.5075, 3.2700, 3.4767, 2.8063, 5.1125,
    3.5327, 4.7833, 3.1286, 4.1819, 3.8527, 3.8312, 3.5605, 4.3875,
    3.9624, 4.0168, 3.5643, 4.0550, 5.5614, 4.2963, 4.4080, 3.4959,
    3.8747, 3.7608, 3.5735, 3.1490, 3.7662, 3.6746, 3.4563, 3.8161,
  ]),
  is_residual: true,
  in_channels: 4,
  out_channels: 4,
  patch_size: maybe(number),
  scale_factor_temporal: maybe(number, 8),
  scale_factor_spatial: maybe(number, 16),
};

/** Pixels of a side that become one latent. */
export function factorOf({ dim_mult }: FrozenConfig<AutoencoderKLQwenImage21Config>): number {
  return 2 ** (dim_mult.length - 1);
}

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: FrozenConfig<AutoencoderKLQwenImage21Config>): void {
  const { dim_mult, temperal_downsample, z_dim, latents_mean, latents_std } = config;
  const refuse = (option: "attn_scales" | "patch_size" | "scale_factor_spatial", known: unknown) =>
    unsupportedOption("AutoencoderKLQwenImage21", option, config[option], [known]);
  if (!config.is_residual && config.attn_scales.length > 0) throw refuse("attn_scales", []);
  if (config.patch_size !== null) throw refuse("patch_size", null);
  if (config.scale_factor_spatial !== factorOf(config)) {
    throw refuse("scale_factor_spatial", factorOf(config));
  }
  if (temperal_downsample.length !== dim_mult.length - 1) {
    throw new RangeError(
      `Cannot build AutoencoderKLQwenImage21: temperal_downsample has ${temperal_downsample.length} entries for ` +
        `${dim_mult.length} levels of dim_mult; there must be one between each two`,
    );
  }
  if (config.is_residual) checkShortcuts(config);
  for (const [name, { length }] of Object.entries({ latents_mean, latents_std })) {
    if (length === z_dim) continue;
    throw new RangeError(
      `Cannot build AutoencoderKLQwenImage21: ${name} has ${length} numbers for ${z_dim} channels of z_dim`,
    );
  }
}

/** Refuses levels whose shortcuts have no whole groups. */
function checkShortcuts(config: FrozenConfig<AutoencoderKLQwenImage21Config>): void {
  const { dim_mult, temperal_downsample, base_dim, decoder_base_dim } = config;
  const [down, up] = [base_dim, decoder_base_dim ?? base_dim]
    .map((base) => dim_mult.map((times) => times * base)) as [number[], number[]];
  const fits = down.every((to, level) => {
    const isLast = level === dim_mult.length - 1;
    const places = isLast ? 1 : temperal_downsample[level] ? 8 : 4;
    const isWhole = (down[level - 1] ?? base_dim) * places % to === 0;
    const above = isLast ? up[level]! : up[level + 1]!;
    return isWhole && (isLast || up[level + 1]! * places % (up[level + 2] ?? above) === 0);
  });
  if (fits) return;
  throw new RangeError(
    `Cannot build AutoencoderKLQwenImage21: of levels of [${down}] and [${up}] channels, which base_dim, ` +
      "decoder_base_dim and dim_mult make, each must be what the one before has times 4, or times 8 where frames " +
      "are halved, in whole groups",
  );
}

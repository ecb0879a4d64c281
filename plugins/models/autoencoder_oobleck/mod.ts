/**
 * AutoencoderOobleck: waveforms to latents, in Stable Audio one for each 2048 samples, and back (Evans et al.,
 * 2024, arXiv:2407.14358): convolutions along time with Snake as activation (Ziyin et al., 2020,
 * arXiv:2006.08195).
 *
 * With `enableTiling()` waveforms of more than 30 seconds are encoded, and more than 512 latents decoded,
 * in pieces that overlap, which bounds the memory; what comes out differs a little at their ends.
 *
 * @example
 * ```ts ignore
 * import { AutoencoderOobleck, randn } from "@denoise/denoise";
 *
 * const vae = await AutoencoderOobleck.fromPretrained("stabilityai/stable-audio-open-1.0", {
 *   subfolder: "vae",
 * });
 * const { sample } = await vae.decode(randn([1, 64, 1024])); // [1, 2, 2097152]: 47 seconds
 * ```
 *
 * @module
 */
import {
  type ConfigSchema,
  type FrozenConfig,
  type ModelClass,
  randnTensor,
  type Tensor,
} from "@denoise/core";
import type { Autoencoder, LatentDistribution } from "@denoise/roles";
import { defineModel, float32, partitioned } from "@denoise/onnx";
import type { Scope, Value } from "@denoise/onnx/graph";
import { add, conv1d, convTranspose1d, div, mul } from "@denoise/onnx/nn";
import { trimmedTiles } from "./tiles.ts";

/** Options of an AutoencoderOobleck, as they stand in config.json. */
export interface AutoencoderOobleckConfig {
  /** Channels of the encoder's first level, and of its result: mean and scale of each latent. */
  readonly encoder_hidden_size: number;
  /** How many samples of a level are one of the next. */
  readonly downsampling_ratios: readonly number[];
  /** Channels of each level, as multiples of the first one's. */
  readonly channel_multiples: readonly number[];
  /** Channels of the decoder's last level. */
  readonly decoder_channels: number;
  /** Channels of the latents. */
  readonly decoder_input_channels: number;
  /** 1 (mono) or 2 (stereo). */
  readonly audio_channels: number;
  /** Samples in a second. */
  readonly sampling_rate: number;
}

const schema: ConfigSchema<AutoencoderOobleckConfig> = {
  encoder_hidden_size: 128,
  downsampling_ratios: [2, 4, 4, 8, 8],
  channel_multiples: [1, 2, 4, 8, 16],
  decoder_channels: 128,
  decoder_input_channels: 64,
  audio_channels: 2,
  sampling_rate: 44100,
};

/**
 * A loaded AutoencoderOobleck: `encode(waveforms)` of float32 [N, channels, samples] in -1..1 gives a
 * distribution of latents [N, C, L], `decode(latents)` waveforms.
 */
export interface AutoencoderOobleck extends Autoencoder<AutoencoderOobleckConfig> {
  /** How many samples one latent is. */
  readonly hopLength: number;
}

type Config = FrozenConfig<AutoencoderOobleckConfig>;

/** The class of Stable Audio's autoencoder; `AutoencoderOobleck` of diffusers. */
export const AutoencoderOobleck: ModelClass<AutoencoderOobleck> = defineModel<
  AutoencoderOobleckConfig,
  AutoencoderOobleck
>({
  className: "AutoencoderOobleck",
  schema,
  check({ downsampling_ratios: ratios, channel_multiples: multiples }) {
    if (ratios.length === multiples.length) return;
    throw new RangeError(
      `Cannot build AutoencoderOobleck: downsampling_ratios names ${ratios.length} levels, but ` +
        `channel_multiples ${multiples.length}; they must be as many`,
    );
  },
  graphs: {
    encode: {
      inputs: ({ audio_channels }) => ({ sample: float32("batch", audio_channels, "samples") }),
      build: (s, config, { sample }) => ({ moments: encoder(s.at("encoder"), sample!, config) }),
    },
    decode: {
      inputs: ({ decoder_input_channels }) => ({
        latents: float32("batch", decoder_input_channels, "length"),
      }),
      build: (s, config, { latents }) => ({ sample: decoder(s.at("decoder"), latents!, config) }),
    },
  },
  methods(model) {
    const { downsampling_ratios, sampling_rate: rate } = model.config;
    const { partition, run } = partitioned(model);
    const encode = async (sample: Tensor) => (await model.run("encode", { sample })).moments!;
    const decode = async (latents: Tensor) => (await model.run("decode", { latents })).sample!;
    return {
      ...partition,
      hopLength: downsampling_ratios.reduce((product, ratio) => product * ratio, 1),
      async encode(sample) {
        const moments = await run(sample, trimmedTiles(30 * rate, 2 * rate), encode);
        return { latentDist: softplusGaussian(moments) };
      },
      async decode(latents) {
        return { sample: await run(latents, trimmedTiles(512, 64), decode) };
      },
    };
  },
});

/**
 * The distribution of the latents (`OobleckDiagonalGaussianDistribution`): its standard deviation is
 * softplus(scale) + 1e-4.
 *
 * @param moments Mean and scale of each latent, float32 [N, 2C, L] one after the other.
 */
function softplusGaussian(moments: Tensor): LatentDistribution {
  const [mean, scale] = moments.chunk(2, 1) as [Tensor, Tensor];
  const std = scale.map((x) => x > 20 ? x : Math.log1p(Math.exp(x))).add(1e-4); // as torch's softplus
  return {
    mean,
    logvar: std.map((x) => 2 * Math.log(x)),
    mode: () => mean,
    sample: (generator) => mean.add(std.mul(randnTensor(mean.dims, generator))),
  };
}

const NORMED = { weightNorm: true } as const;

/** Waveforms to moments. */
function encoder(s: Scope, sample: Value, { downsampling_ratios: ratios }: Config): Value {
  let x = conv1d(s.at("conv1"), sample, { ...NORMED, padding: 3 }); // [N, C, samples]
  for (const [i, stride] of ratios.entries()) {
    const level = s.at("block", i);
    x = snake(level.at("snake1"), residualUnits(level, x));
    const padding = Math.ceil(stride / 2);
    x = conv1d(level.at("conv1"), x, { ...NORMED, stride, padding }); // [N, C', samples / stride]
  }
  return conv1d(s.at("conv2"), snake(s.at("snake1"), x), { ...NORMED, padding: 1 });
}

/** Latents to waveforms. */
function decoder(s: Scope, latents: Value, { downsampling_ratios: ratios }: Config): Value {
  let x = conv1d(s.at("conv1"), latents, { ...NORMED, padding: 3 }); // [N, C, L]
  for (const [i, stride] of ratios.toReversed().entries()) {
    const level = s.at("block", i);
    const padding = Math.ceil(stride / 2);
    const active = snake(level.at("snake1"), x);
    x = convTranspose1d(level.at("conv_t1"), active, { ...NORMED, stride, padding }); // [N, C', stride·L]
    x = residualUnits(level, x);
  }
  return conv1d(s.at("conv2"), snake(s.at("snake1"), x), { ...NORMED, padding: 3, bias: false });
}

/** Three residual units of growing reach (`OobleckResidualUnit`). */
function residualUnits(s: Scope, x: Value): Value {
  return [1, 3, 9].reduce((h, dilation, i) => {
    const unit = s.at(`res_unit${i + 1}`);
    const options = { ...NORMED, dilation, padding: 3 * dilation };
    const wide = conv1d(unit.at("conv1"), snake(unit.at("snake1"), h), options);
    return add(s, h, conv1d(unit.at("conv2"), snake(unit.at("snake2"), wide), NORMED));
  }, x);
}

/** x + sin²(eᵃ·x) / eᵇ, with a and b for each channel (`Snake1d`). */
function snake(s: Scope, x: Value): Value {
  const [alpha, beta] = ["alpha", "beta"].map((name) => s.op("Exp", [s.tensor(name)])) as [
    Value,
    Value,
  ];
  const wave = s.op("Sin", [mul(s, alpha, x)]);
  return add(s, x, div(s, mul(s, wave, wave), add(s, beta, 1e-9)));
}

/**
 * SpeechT5HifiGan: the vocoder HiFi-GAN (Kong et al., 2020, arXiv:2010.05646) that makes waveforms of
 * mel spectrograms for AudioLDM, AudioLDM 2 and MusicLDM; the class of transformers.
 *
 * @example
 * ```ts ignore
 * import { randn, SpeechT5HifiGan } from "@denoise/denoise";
 *
 * const vocoder = await SpeechT5HifiGan.fromPretrained("cvssp/audioldm-s-full-v2", {
 *   subfolder: "vocoder",
 * });
 * const waveform = await vocoder.forward(randn([1, 512, 64])); // [1, 81920]: 5.12 seconds
 * ```
 *
 * @module
 */
import {
  anything,
  type ConfigSchema,
  float,
  type FrozenConfig,
  type Model,
  type ModelClass,
  type Tensor,
} from "@denoise/core";
import { defineModel, float32 } from "@denoise/onnx";
import { floatAttribute, type Scope, type Value } from "@denoise/onnx/graph";
import { add, conv1d, convTranspose1d, div, squeeze, sub, tanh, transpose } from "@denoise/onnx/nn";

/** Options of a SpeechT5HifiGan, as they stand in config.json. */
export interface SpeechT5HifiGanConfig {
  /** Frequency bins of a spectrogram. */
  readonly model_in_dim: number;
  /** Samples of the waveforms in a second. */
  readonly sampling_rate: number;
  /** Channels of the first level; each next one has half of them. */
  readonly upsample_initial_channel: number;
  /** How many times longer each level makes its input. */
  readonly upsample_rates: readonly number[];
  /** Kernels of the transposed convolutions that do so. */
  readonly upsample_kernel_sizes: readonly number[];
  /** Kernels of the residual blocks of a level, whose results are averaged. */
  readonly resblock_kernel_sizes: readonly number[];
  /** How far apart the elements of the kernels are, in each layer of each of these blocks. */
  readonly resblock_dilation_sizes: readonly (readonly number[])[];
  /** Slope of the activation below 0. */
  readonly leaky_relu_slope: number;
  /** Whether spectrograms are normalized by `mean` and `scale` first. */
  readonly normalize_before: boolean;
}

const schema: ConfigSchema<SpeechT5HifiGanConfig> = {
  model_in_dim: 80,
  sampling_rate: 16000,
  upsample_initial_channel: 512,
  upsample_rates: [4, 4, 4, 4],
  upsample_kernel_sizes: [8, 8, 8, 8],
  resblock_kernel_sizes: [3, 7, 11],
  resblock_dilation_sizes: anything([[1, 3, 5], [1, 3, 5], [1, 3, 5]]),
  leaky_relu_slope: float(0.1),
  normalize_before: true,
};

/** A loaded SpeechT5HifiGan. */
export interface SpeechT5HifiGan extends Model<SpeechT5HifiGanConfig> {
  /**
   * Waveforms in -1..1, float32 [N, samples].
   *
   * @param spectrogram Logarithms of mel spectrograms, float32 [N, frames, model_in_dim].
   */
  forward(spectrogram: Tensor): Promise<Tensor>;
}

type Config = FrozenConfig<SpeechT5HifiGanConfig>;

/** The vocoder HiFi-GAN; `SpeechT5HifiGan` of transformers. */
export const SpeechT5HifiGan: ModelClass<SpeechT5HifiGan> = defineModel<
  SpeechT5HifiGanConfig,
  SpeechT5HifiGan
>({
  className: "SpeechT5HifiGan",
  library: "transformers",
  schema,
  check(config) {
    const { resblock_dilation_sizes: dilations } = config;
    if (!Array.isArray(dilations) || !dilations.every(isRow)) {
      throw new TypeError(
        `Cannot build SpeechT5HifiGan: resblock_dilation_sizes is ${
          JSON.stringify(dilations)
        }, but ` +
          "must be a list of lists of integers",
      );
    }
    checkAsMany(config, "upsample_rates", "upsample_kernel_sizes");
    checkAsMany(config, "resblock_kernel_sizes", "resblock_dilation_sizes");
  },
  // buffers that every file has
  idle: ({ normalize_before }) => normalize_before ? [] : ["mean", "scale"],
  graphs: {
    forward: {
      inputs: ({ model_in_dim }) => ({ spectrogram: float32("batch", "frames", model_in_dim) }),
      build: (s, config, { spectrogram }) => ({ waveform: vocoder(s, spectrogram!, config) }),
    },
  },
  methods: (model) => ({
    async forward(spectrogram) {
      return (await model.run("forward", { spectrogram })).waveform!;
    },
  }),
});

function isRow(row: unknown): boolean {
  return Array.isArray(row) && row.every(Number.isInteger);
}

function checkAsMany(
  config: Config,
  one: "upsample_rates" | "resblock_kernel_sizes",
  other: "upsample_kernel_sizes" | "resblock_dilation_sizes",
): void {
  if (config[one].length === config[other].length) return;
  throw new RangeError(
    `Cannot build SpeechT5HifiGan: ${one} names ${config[one].length} and ${other} ` +
      `${config[other].length}; they must be as many`,
  );
}

function vocoder(s: Scope, spectrogram: Value, config: Config): Value {
  const { upsample_rates: rates, leaky_relu_slope: slope } = config;
  const input = config.normalize_before
    ? div(s, sub(s, spectrogram, s.tensor("mean")), s.tensor("scale"))
    : spectrogram;
  let x = conv1d(s.at("conv_pre"), transpose(s, input, [0, 2, 1]), { padding: 3 }); // [N, C, frames]
  for (const [i, stride] of rates.entries()) {
    const upsampler = s.at("upsampler", i);
    const padding = Math.floor((config.upsample_kernel_sizes[i]! - stride) / 2);
    x = convTranspose1d(upsampler, leakyRelu(s, x, slope), { stride, padding }); // [N, C / 2, stride·L]
    x = averaged(s, x, i, config);
  }
  const made = conv1d(s.at("conv_post"), leakyRelu(s, x, 0.01), { padding: 3 }); // [N, 1, samples]
  return squeeze(s, tanh(s, made), [1]);
}

/** The mean of what the residual blocks of level `i` make. */
function averaged(s: Scope, x: Value, i: number, config: Config): Value {
  const { resblock_kernel_sizes: kernels, leaky_relu_slope: slope } = config;
  const results = kernels.map((kernel, j) => {
    const block = s.at("resblocks", i * kernels.length + j);
    return config.resblock_dilation_sizes[j]!.reduce((h, dilation, n) => {
      const around = (step: number) => Math.floor((kernel * step - step) / 2);
      const wide = conv1d(block.at("convs1", n), leakyRelu(s, h, slope), {
        dilation,
        padding: around(dilation),
      });
      const next = conv1d(block.at("convs2", n), leakyRelu(s, wide, slope), { padding: around(1) });
      return add(s, next, h);
    }, x);
  });
  return div(s, results.reduce((sum, result) => add(s, sum, result)), kernels.length);
}

/** x where it is positive, else a little of it. */
function leakyRelu(s: Scope, x: Value, slope: number): Value {
  return s.op("LeakyRelu", [x], { alpha: floatAttribute(slope) });
}

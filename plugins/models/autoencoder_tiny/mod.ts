/**
 * AutoencoderTiny: a small autoencoder distilled from a large one, with the same latents (TAESD,
 * https://github.com/madebyollin/taesd). It takes the place of AutoencoderKL in any pipeline and
 * decodes previews at a fraction of the cost. Its encoder gives latents, not a distribution: a
 * sample of it is always the same and draws no noise.
 *
 * @example
 * ```ts ignore
 * import { AutoencoderTiny, StableDiffusionPipeline } from "@denoise/denoise";
 *
 * const vae = await AutoencoderTiny.fromPretrained("madebyollin/taesd");
 * const pipe = await StableDiffusionPipeline.fromPretrained(
 *   "stable-diffusion-v1-5/stable-diffusion-v1-5",
 *   { vae },
 * );
 * ```
 *
 * @module
 */
import {
  type ConfigSchema,
  float,
  type FrozenConfig,
  type ModelClass,
  oneOf,
  type Tensor,
} from "@denoise/core";
import { type Autoencoder, certainLatents } from "@denoise/roles";
import {
  checkLevels,
  defineModel,
  float32,
  type GraphDefinition,
  partitioned,
} from "@denoise/onnx";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  activation,
  add,
  conv2d,
  div,
  mul,
  relu,
  sub,
  tanh,
  upsampleBilinear,
  upsampleNearest,
} from "@denoise/onnx/nn";
import { fadingTiles } from "./tiles.ts";

/** Options of an AutoencoderTiny, as they stand in config.json. */
export interface AutoencoderTinyConfig {
  /** Channels of the image. */
  readonly in_channels: number;
  /** Channels of the decoded image. */
  readonly out_channels: number;
  /** Channels of each level of the encoder. */
  readonly encoder_block_out_channels: readonly number[];
  /** Channels of each level of the decoder. */
  readonly decoder_block_out_channels: readonly number[];
  /** The same, under the name that pipelines look for. */
  readonly block_out_channels: readonly number[];
  /** Activation, by its name in diffusers. */
  readonly act_fn: string;
  /** How the decoder enlarges. */
  readonly upsample_fn: "nearest" | "bilinear";
  /** Channels of the latents. */
  readonly latent_channels: number;
  /** By how much each level of the decoder enlarges. */
  readonly upsampling_scaling_factor: number;
  /** Blocks of each level of the encoder. */
  readonly num_encoder_blocks: readonly number[];
  /** Blocks of each level of the decoder. */
  readonly num_decoder_blocks: readonly number[];
  /** Range of the latents when they are kept as bytes. */
  readonly latent_magnitude: number;
  /** Middle of that range. */
  readonly latent_shift: number;
  /** Whether float16 overflows in it. */
  readonly force_upcast: boolean;
  /** What latents are multiplied with to have unit variance. */
  readonly scaling_factor: number;
  /** What is taken from latents before that. */
  readonly shift_factor: number;
}

const schema: ConfigSchema<AutoencoderTinyConfig> = {
  in_channels: 3,
  out_channels: 3,
  encoder_block_out_channels: [64, 64, 64, 64],
  decoder_block_out_channels: [64, 64, 64, 64],
  block_out_channels: [64, 64, 64, 64],
  act_fn: "relu",
  upsample_fn: oneOf("nearest", "bilinear"),
  latent_channels: 4,
  upsampling_scaling_factor: 2,
  num_encoder_blocks: [1, 3, 3, 3],
  num_decoder_blocks: [3, 3, 3, 1],
  latent_magnitude: 3,
  latent_shift: float(0.5),
  force_upcast: false,
  scaling_factor: float(1),
  shift_factor: float(0),
};

/** A loaded AutoencoderTiny: `encode(images)` and `decode(latents)`. */
export type AutoencoderTiny = Autoencoder<AutoencoderTinyConfig>;

/** The class of small autoencoders; `AutoencoderTiny` of diffusers. */
export const AutoencoderTiny: ModelClass<AutoencoderTiny> = defineModel<
  AutoencoderTinyConfig,
  AutoencoderTiny
>({
  className: "AutoencoderTiny",
  schema,
  adapt: (config) => {
    const channels = config.decoder_block_out_channels ?? config.block_out_channels;
    return channels === undefined ? config : { ...config, block_out_channels: channels };
  },
  check: (config) => {
    for (const side of ["encoder", "decoder"] as const) {
      checkLevels("AutoencoderTiny", config, `${side}_block_out_channels`, [`num_${side}_blocks`]);
    }
  },
  upcasts: ({ force_upcast }) => force_upcast,
  graphs: { encode: encodeGraph(), decode: decodeGraph() },
  methods(model) {
    const { partition, run } = partitioned(model);
    const factor = 2 ** (model.config.block_out_channels.length - 1);
    const graph = (name: "encode" | "decode", input: string, output: string) => async (x: Tensor) =>
      (await model.run(name, { [input]: x }))[output]!;
    return {
      ...partition,
      async encode(sample) {
        const tiles = fadingTiles({ from: factor, to: 1 });
        const latents = await run(sample, tiles, graph("encode", "sample", "latents"));
        return { latentDist: certainLatents(latents) };
      },
      async decode(latents) {
        const tiles = fadingTiles({ from: 1, to: factor });
        return { sample: await run(latents, tiles, graph("decode", "latents", "sample")) };
      },
    };
  },
});

type Config = FrozenConfig<AutoencoderTinyConfig>;

/** Three convolutions beside a shortcut (`AutoencoderTinyBlock`). */
function block(s: Scope, x: Value, act: string): Value {
  let h = activation(s, conv2d(s.at("conv.0"), x, { padding: 1 }), act);
  h = activation(s, conv2d(s.at("conv.2"), h, { padding: 1 }), act);
  h = conv2d(s.at("conv.4"), h, { padding: 1 });
  const changes = s.shape("conv.0.weight")[1] !== s.shape("conv.4.weight")[0];
  return relu(s, add(s, h, changes ? conv2d(s.at("skip"), x, { bias: false }) : x));
}

/** Images in -1..1 to latents. */
function encodeGraph(): GraphDefinition<AutoencoderTinyConfig> {
  return {
    bands: 8, // as in AutoencoderKL
    inputs: (config) => ({ sample: float32("batch", config.in_channels, "height", "width") }),
    build(s, { num_encoder_blocks, act_fn }, { sample }) {
      let place = 0;
      const next = () => s.at("encoder.layers", place++);
      let x = div(s, add(s, sample!, 1), 2);
      for (const [i, blocks] of num_encoder_blocks.entries()) {
        x = conv2d(next(), x, { padding: 1, ...(i > 0 ? { stride: 2, bias: false } : {}) }); // [N, C, H/2, W/2]
        for (let n = 0; n < blocks; n++) x = block(next(), x, act_fn);
      }
      return { latents: conv2d(next(), x, { padding: 1 }) };
    },
  };
}

/** Latents to images in about -1..1. */
function decodeGraph(): GraphDefinition<AutoencoderTinyConfig> {
  return {
    bands: 8,
    inputs: (config) => ({ latents: float32("batch", config.latent_channels, "height", "width") }),
    build(s, config, { latents }) {
      const { num_decoder_blocks: levels, act_fn } = config;
      let place = 0;
      const next = () => s.at("decoder.layers", place++);
      let x = mul(s, tanh(s, div(s, latents!, 3)), 3);
      x = activation(s, conv2d(next(), x, { padding: 1 }), act_fn);
      place++; // the activation has a place among the layers
      for (const [i, blocks] of levels.entries()) {
        for (let n = 0; n < blocks; n++) x = block(next(), x, act_fn);
        if (i < levels.length - 1) x = enlarge(next(), x, config);
        x = conv2d(next(), x, { padding: 1, bias: i === levels.length - 1 });
      }
      return { sample: sub(s, mul(s, x, 2), 1) };
    },
  };
}

function enlarge(
  s: Scope,
  x: Value,
  { upsample_fn, upsampling_scaling_factor: factor }: Config,
): Value {
  return upsample_fn === "bilinear"
    ? upsampleBilinear(s, x, { factor })
    : upsampleNearest(s, x, factor);
}

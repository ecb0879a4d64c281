/**
 * UNet2DModel: a UNet that takes a noisy image and the time, and predicts the noise, for images
 * without a text. Ronneberger et al. (arXiv:1505.04597), with the residual and attention blocks of
 * Ho et al. (arXiv:2006.11239).
 *
 * Covered are all levels that work in the reference: DownBlock2D, AttnDownBlock2D,
 * ResnetDownsampleBlock2D, SkipDownBlock2D, AttnSkipDownBlock2D and KDownBlock2D with their
 * counterparts; positional, Fourier and learned time embeddings, and class embeddings.
 *
 * @example
 * ```ts ignore
 * import { randn, UNet2DModel } from "@denoise/denoise";
 *
 * const model = await UNet2DModel.fromPretrained("google/ddpm-cat-256");
 * const noise = randn([1, 3, 256, 256]);
 * const { sample } = await model.forward(noise, 2);
 * ```
 *
 * @module
 */
import { type FrozenConfig, type ModelClass, Tensor } from "@denoise/core";
import type { Denoiser } from "@denoise/roles";
import { defineModel, float32, int64, type Port, timesteps } from "@denoise/onnx";
import {
  downBlock,
  fourierEmbedding,
  isKBlock,
  kDownBlock,
  kUpBlock,
  midBlock,
  type ResnetOptions,
  timestepEmbedding,
  todaysAttentionName,
  upBlock,
} from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  add,
  conv2d,
  div,
  embedding,
  groupNorm,
  mul,
  sinusoidalEmbedding,
  sub,
  unsqueeze,
} from "@denoise/onnx/nn";
import { blockName, check, schema, type UNet2DConfig } from "./config.ts";
import { classLabelsOf } from "./class_labels.ts";
import {
  skipDownBlock,
  skipDownTypes,
  skipUpBlock,
  skipUpTypes,
  usualGroups,
} from "./skip_blocks.ts";

export type { UNet2DConfig };

/** A loaded UNet2DModel: `forward(sample, timestep)` gives `{ sample }`. */
export type UNet2DModel = Denoiser<UNet2DConfig>;

/** The class of unconditional UNets; `UNet2DModel` of diffusers. */
export const UNet2DModel: ModelClass<UNet2DModel> = defineModel<UNet2DConfig, UNet2DModel>({
  className: "UNet2DModel",
  schema,
  check,
  rename: todaysAttentionName,
  graphs: { forward: { inputs, build } },
  methods: (model) => ({
    async forward(sample, timestep, { classLabels, signal } = {}) {
      const times = [timestep].flat();
      checkTimesteps(model.config, times);
      const rows = times.length === 1 ? Array(sample.dims[0]).fill(times[0]) : times;
      const result = await model.run("forward", {
        sample,
        timestep: Tensor.from(Float32Array.from(rows)),
        class_labels: classLabels && classLabelsOf(model.config, classLabels),
      }, { signal });
      return { sample: result.prediction! };
    },
  }),
});

type Config = FrozenConfig<UNet2DConfig>;

/** @throws {RangeError} for a timestep that a learned table has no row for. */
function checkTimesteps(
  { time_embedding_type, num_train_timesteps }: Config,
  times: number[],
): void {
  if (time_embedding_type !== "learned") return;
  const rows = num_train_timesteps ?? 0;
  const unknown = times.find((t) => !(Number.isInteger(t) && t >= 0 && t < rows));
  if (unknown === undefined) return;
  throw new RangeError(
    `Cannot embed the timestep ${unknown}: this model learned the integers from 0 to ${rows - 1}`,
  );
}

function hasClasses({ class_embed_type, num_class_embeds }: Config): boolean {
  return class_embed_type !== null || num_class_embeds !== null;
}

function timeWidth(config: Config): number {
  return config.time_embedding_dim || config.block_out_channels[0]! * 4;
}

function inputs(config: Config): Record<string, Port> {
  const labels = {
    none: int64("batch"),
    timestep: timesteps(),
    identity: float32("batch", timeWidth(config)),
  };
  return {
    sample: float32("batch", config.in_channels, "height", "width"),
    timestep: timesteps(),
    ...(hasClasses(config) ? { class_labels: labels[config.class_embed_type ?? "none"] } : {}),
  };
}

function build(s: Scope, config: Config, inputs: Readonly<Record<string, Value>>) {
  const { sample, timestep, class_labels } = inputs;
  const channels = config.block_out_channels;

  // time and class
  let temb = timestepEmbedding(s.at("time_embedding"), timeProjection(s, config, timestep!));
  if (class_labels !== undefined) {
    temb = add(s, temb, classEmbedding(s, config, class_labels));
  }

  // in
  const centred = config.center_input_sample ? sub(s, mul(s, sample!, 2), 1) : sample!;
  let x = conv2d(s.at("conv_in"), centred, { padding: 1 }); // [N, C, H, W]

  // down
  const skips: (Value | undefined)[] = [x];
  let image: Value | undefined = centred;
  for (const i of channels.keys()) {
    const level = down(s.at("down_blocks", i), config, i, { x, image }, temb);
    ({ x, image } = level);
    skips.push(...level.skips);
  }

  // middle
  if (config.mid_block_type !== null) {
    const resnet = resnetOptions(config, channels.at(-1)!);
    x = midBlock(s.at("mid_block"), x, {
      resnet: { ...resnet, outputScale: config.mid_block_scale_factor },
      temb,
      headChannels: config.add_attention ? config.attention_head_dim : undefined,
      attentionGroups: config.attn_norm_num_groups ?? undefined,
    });
  }

  // up
  image = undefined;
  for (const i of channels.keys()) {
    ({ x, image } = up(s.at("up_blocks", i), config, i, { x, image }, skips, temb));
  }

  // out
  const { groups, eps } = resnetOptions(config, channels[0]!);
  x = groupNorm(s.at("conv_norm_out"), x, { groups, eps, activation: "silu" });
  x = conv2d(s.at("conv_out"), x, { padding: 1 });
  if (image !== undefined) x = add(s, x, image);
  const scaled = config.time_embedding_type === "fourier"
    ? div(s, x, unsqueeze(s, s.cast(timestep!), [1, 2, 3]))
    : x;
  return { prediction: scaled };
}

/** The states of a level, and the image that Skip blocks take along. */
interface State {
  readonly x: Value;
  readonly image: Value | undefined;
}

/** Options of residual blocks; the groups follow from these channels where the config names none. */
function resnetOptions(config: Config, channels: number): ResnetOptions {
  return {
    groups: config.norm_num_groups ?? usualGroups(channels),
    eps: config.norm_eps,
    activation: config.act_fn,
    timeScaleShift: config.resnet_time_scale_shift,
  };
}

/** What levels of all kinds are given; `i` counts in the direction that they follow each other. */
function levelOptions(config: Config, i: number, channels: number, temb: Value) {
  return {
    resnet: resnetOptions(config, channels),
    temb,
    headChannels: config.attention_head_dim,
    resample: i < config.block_out_channels.length - 1,
    channels,
  };
}

/** Level `i` in the down blocks. */
function down(s: Scope, config: Config, i: number, { x, image }: State, temb: Value) {
  const type = blockName(config.down_block_types[i]!);
  const layers = config.layers_per_block;
  const options = { ...levelOptions(config, i, config.block_out_channels[i]!, temb), layers };
  if (skipDownTypes.includes(type)) return skipDownBlock(s, type, x, image!, options);
  if (isKBlock(type)) {
    return { ...kDownBlock(s, type, x, { ...options, selfAttention: false }), image };
  }
  const level = downBlock(s, type, x, {
    ...options,
    resampleType: type === "AttnDownBlock2D" ? config.downsample_type : "conv",
    downsamplePadding: config.downsample_padding,
  });
  return { ...level, image };
}

/** Level `i` in the up blocks; level 0 is the one that the down blocks ended with. */
function up(
  s: Scope,
  config: Config,
  i: number,
  { x, image }: State,
  skips: (Value | undefined)[],
  temb: Value,
): State {
  const type = blockName(config.up_block_types[i]!);
  const layers = config.layers_per_block + 1;
  const options = {
    ...levelOptions(config, i, config.block_out_channels.at(-1 - i)!, temb),
    layers,
  };
  if (skipUpTypes.includes(type)) return skipUpBlock(s, type, x, skips, image, options);
  if (isKBlock(type)) {
    return { x: kUpBlock(s, type, x, skips, { ...options, selfAttention: false }), image };
  }
  const resampleType = type === "AttnUpBlock2D" ? config.upsample_type : "conv";
  return { x: upBlock(s, type, x, skips, { ...options, resampleType }), image };
}

function timeProjection(s: Scope, config: Config, timestep: Value): Value {
  const projection = s.at("time_proj");
  switch (config.time_embedding_type) {
    case "fourier":
      return fourierEmbedding(projection, timestep, { log: true, flipSinToCos: false });
    case "learned":
      return embedding(projection, s.cast(timestep, "int64"));
    default:
      return sinusoidalEmbedding(projection, timestep, {
        width: config.block_out_channels[0]!,
        flipSinToCos: config.flip_sin_to_cos,
        downscaleFreqShift: config.freq_shift,
      });
  }
}

function classEmbedding(s: Scope, config: Config, labels: Value): Value {
  const module = s.at("class_embedding");
  switch (config.class_embed_type) {
    case "timestep":
      return timestepEmbedding(module, timeProjection(s, config, labels));
    case "identity":
      return labels;
    default:
      return embedding(module, labels);
  }
}

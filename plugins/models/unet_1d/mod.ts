/**
 * UNet1DModel: a UNet over one axis, such as the samples of an audio clip or the states of a plan. It takes
 * a noisy sample and the time, and predicts the noise or the velocity; with the last block
 * ValueFunction, how good a plan is.
 *
 * Covered is all that diffusers has: the blocks of Dance Diffusion (DownBlock1DNoSkip, DownBlock1D,
 * AttnDownBlock1D, UNetMidBlock1D and their counterparts), and those of Diffuser (Janner et al.,
 * "Planning with Diffusion for Flexible Behavior Synthesis", arXiv:2205.09991): DownResnetBlock1D,
 * UpResnetBlock1D, MidResTemporalBlock1D, ValueFunctionMidBlock1D, OutConv1DBlock and ValueFunction.
 * A Fourier embedding has the width of the checkpoint, since repos from before diffusers 0.33 say
 * nothing of it.
 *
 * @example
 * ```ts ignore
 * import { randn, UNet1DModel } from "@denoise/denoise";
 *
 * const model = await UNet1DModel.fromPretrained("harmonai/maestro-150k", { subfolder: "unet" });
 * const { sample } = await model.forward(randn([1, 2, 65536]), 0.5);
 * ```
 *
 * @module
 */
import type { FrozenConfig, ModelClass } from "@denoise/core";
import type { Denoiser } from "@denoise/roles";
import { defineModel, float32, type Port, timesteps, timestepTensor } from "@denoise/onnx";
import { fourierEmbedding, timestepEmbedding } from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import { sinusoidalEmbedding } from "@denoise/onnx/nn";
import { down, middle, out, up } from "./blocks.ts";
import { check, lengthRule, schema, takesTimeChannels, type UNet1DConfig } from "./config.ts";

export type { UNet1DConfig };

/**
 * A loaded UNet1DModel: `forward(sample, timestep)` of a sample float32 [N, C, L] gives `{ sample }`,
 * [N, C', L], or [N, 1] from a ValueFunction. It throws a RangeError for a length that the levels
 * cannot halve.
 */
export type UNet1DModel = Denoiser<UNet1DConfig>;

type Config = FrozenConfig<UNet1DConfig>;

/** The class of UNets over one axis; `UNet1DModel` of diffusers. */
export const UNet1DModel: ModelClass<UNet1DModel> = defineModel<UNet1DConfig, UNet1DModel>({
  className: "UNet1DModel",
  schema,
  check,
  graphs: { forward: { inputs, build } },
  methods: (model) => ({
    async forward(sample, timestep, { signal } = {}) {
      checkLength(model.config, sample.dims.at(-1)!);
      const result = await model.run("forward", {
        sample,
        timestep: timestepTensor(timestep, sample.dims[0]!),
      }, { signal });
      return { sample: result.prediction! };
    },
  }),
});

function checkLength(config: Config, length: number): void {
  const { multiple, least } = lengthRule(config);
  if (length >= least && length % multiple === 0) return;
  throw new RangeError(
    `Cannot run UNet1DModel on a sample of length ${length}: it must be at least ${least} and a ` +
      `multiple of ${multiple}, as its levels halve it`,
  );
}

function inputs(config: Config): Record<string, Port> {
  const more = takesTimeChannels(config) ? 0 : config.extra_in_channels;
  return {
    sample: float32("batch", config.in_channels + more, "length"),
    timestep: timesteps(),
  };
}

function build(s: Scope, config: Config, inputs: Readonly<Record<string, Value>>) {
  const temb = timeVector(s, config, inputs.timestep!); // [N, E]
  const layers = config.layers_per_block;
  const last = config.block_out_channels.length - 1;

  // down
  let x = inputs.sample!; // [N, C, L]
  const skips: Value[] = [];
  for (const [i, type] of config.down_block_types.entries()) {
    const resample = i !== last || config.downsample_each_block;
    const level = down(s.at("down_blocks", i), type, x, { temb, layers, resample });
    x = level.x;
    skips.push(level.skip);
  }

  // middle
  const resample = config.downsample_each_block;
  x = middle(s.at("mid_block"), config.mid_block_type, x, { temb, layers, resample });

  // up
  for (const [i, type] of config.up_block_types.entries()) {
    const resample = i !== last;
    x = up(s.at("up_blocks", i), type, x, skips.pop()!, { temb, layers, resample });
  }

  // out
  if (config.out_block_type === null) return { prediction: x };
  const groups = config.norm_num_groups ??
    Math.min(Math.floor(config.block_out_channels[0]! / 4), 32);
  const act = config.act_fn!.toLowerCase();
  return { prediction: out(s.at("out_block"), config.out_block_type, x, { temb, groups, act }) };
}

function timeVector(s: Scope, config: Config, timestep: Value): Value {
  const projected = timeProjection(s, config, timestep);
  if (!config.use_timestep_embedding) return projected;
  const activation = config.act_fn!.toLowerCase();
  return timestepEmbedding(s.at("time_mlp"), projected, { activation });
}

function timeProjection(s: Scope, config: Config, timestep: Value): Value {
  const projection = s.at("time_proj");
  if (config.time_embedding_type === "positional") {
    const width = config.block_out_channels[0]!;
    checkExtraChannels(config, width);
    return sinusoidalEmbedding(projection, timestep, {
      width,
      flipSinToCos: config.flip_sin_to_cos,
      downscaleFreqShift: config.freq_shift,
    });
  }
  const width = 2 * projection.shape("weight")[0]!;
  const wanted = config.time_embedding_dim;
  if (wanted !== null && wanted !== width) {
    throw new RangeError(
      `Cannot build UNet1DModel: time_embedding_dim is ${wanted}, but the checkpoint's ` +
        `time_proj.weight is for ${width}`,
    );
  }
  checkExtraChannels(config, width);
  return fourierEmbedding(projection, timestep, {
    log: false,
    flipSinToCos: config.flip_sin_to_cos,
  });
}

/** The first level's own channels for the time must be as many as the embedding is wide. */
function checkExtraChannels(config: Config, width: number): void {
  if (!takesTimeChannels(config) || config.extra_in_channels === width) return;
  throw new RangeError(
    `Cannot build UNet1DModel: extra_in_channels is ${config.extra_in_channels}, but must be ` +
      `${width}, the width of the time embedding that the first level takes`,
  );
}

/**
 * UNet2DConditionModel: the denoiser of Stable Diffusion 1.x, 2.x and XL and of latent consistency
 * models. A UNet whose levels attend to the states of a text; Rombach et al. (arXiv:2112.10752),
 * Podell et al. (arXiv:2307.01952).
 *
 * Covered are the levels DownBlock2D, CrossAttnDownBlock2D, AttnDownBlock2D, ResnetDownsampleBlock2D
 * with their counterparts, class embeddings, SDXL's size embeddings, the guidance embedding of LCM,
 * the residuals of ControlNets and the pictures of IP-Adapters. SimpleCrossAttn and K blocks, GLIGEN,
 * dual cross attention and trained image embeddings are not: a config that asks for them is refused.
 *
 * @example
 * ```ts ignore
 * import { randn, UNet2DConditionModel } from "@denoise/denoise";
 *
 * const unet = await UNet2DConditionModel.fromPretrained(
 *   "stable-diffusion-v1-5/stable-diffusion-v1-5",
 *   { subfolder: "unet" },
 * );
 * const encoderHiddenStates = randn([1, 77, 768]);
 * const { sample } = await unet.forward(randn([1, 4, 64, 64]), 999, { encoderHiddenStates });
 * ```
 *
 * @module
 */
import { type Denoiser, type FrozenConfig, type ModelClass, Tensor } from "@denoise/core";
import { defineModel, float32, int64, optional, type Port, timesteps } from "@denoise/onnx";
import {
  conditioning,
  type Context,
  downBlock,
  downLevel,
  imageProjection,
  imagePromptKind,
  layersAt,
  middleLevel,
  timeWidth,
  todaysAttentionName,
  upBlock,
  upLevel,
} from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import { activation, add, conv2d, groupNorm, linear, mul, sub } from "@denoise/onnx/nn";
import { check, schema, type UNet2DConditionConfig } from "./config.ts";

export type { UNet2DConditionConfig };

/** A loaded UNet2DConditionModel: `forward(sample, timestep, options)` gives `{ sample }`. */
export type UNet2DConditionModel = Denoiser<UNet2DConditionConfig>;

/** The class of UNets that follow a text; `UNet2DConditionModel` of diffusers. */
export const UNet2DConditionModel: ModelClass<UNet2DConditionModel> = defineModel<
  UNet2DConditionConfig,
  UNet2DConditionModel
>({
  className: "UNet2DConditionModel",
  schema,
  check,
  rename: todaysAttentionName,
  graphs: { forward: { inputs, build } },
  methods: (model) => ({
    imagePrompts: () =>
      adapters(model.has).map((path) => imagePromptKind((name) => model.has(`${path}.${name}`))),
    async forward(sample, timestep, options = {}) {
      const times = [timestep].flat();
      const rows = times.length === 1 ? Array(sample.dims[0]).fill(times[0]) : times;
      const residuals = options.downBlockAdditionalResiduals?.map((residual, i) =>
        [`down_residual_${i}`, residual] as const
      );
      const images = options.imageEmbeds?.map((embeds, i) =>
        [`image_embeds_${i}`, embeds] as const
      );
      const result = await model.run("forward", {
        sample,
        timestep: Tensor.from(Float32Array.from(rows)),
        encoder_hidden_states: options.encoderHiddenStates,
        timestep_cond: options.timestepCond,
        class_labels: options.classLabels,
        text_embeds: options.textEmbeds,
        time_ids: options.timeIds,
        ...Object.fromEntries([...residuals ?? [], ...images ?? []]),
        mid_residual: options.midBlockAdditionalResidual,
      }, { signal: options.signal });
      return { sample: result.prediction! };
    },
  }),
});

type Config = FrozenConfig<UNet2DConditionConfig>;

/** Modules of the IP-Adapters that were added. */
function adapters(has: (name: string) => boolean): string[] {
  const path = (i: number) => `encoder_hid_proj.image_projection_layers.${i}`;
  const paths: string[] = [];
  while (has(path(paths.length))) paths.push(path(paths.length));
  return paths;
}

/** What each IP-Adapter is given of its pictures. */
function imagePorts(has: (name: string) => boolean): Record<string, Port> {
  const ports = adapters(has).map((path, i) => {
    const kind = imagePromptKind((name) => has(`${path}.${name}`));
    const patches = kind === "states" ? [`patches_${i}`] : [];
    return [`image_embeds_${i}`, float32("batch", `pictures_${i}`, ...patches, `width_${i}`)];
  });
  return Object.fromEntries(ports);
}

/** How many values the way down leaves for the way up. */
function skipCount(config: Config): number {
  const levels = config.block_out_channels.map((_, level) => layersAt(config, level));
  return levels.reduce((sum, layers) => sum + layers, levels.length);
}

function inputs(config: Config, has: (name: string) => boolean): Record<string, Port> {
  const [first = 0] = [config.encoder_hid_dim ?? config.cross_attention_dim].flat();
  const projected = config.projection_class_embeddings_input_dim ?? 0;
  const labels: Record<string, Port> = {
    none: int64("batch"),
    timestep: timesteps(),
    identity: float32("batch", timeWidth(config)),
    projection: float32("batch", projected),
    simple_projection: float32("batch", projected),
  };
  const hasClasses = config.class_embed_type !== null || config.num_class_embeds !== null;
  const residual = optional(float32("batch", "channels", "rows", "columns"));
  const residuals = Array.from({ length: skipCount(config) }, (_, i) =>
    [
      `down_residual_${i}`,
      { ...residual, dims: ["batch", `channels_${i}`, `rows_${i}`, `columns_${i}`] },
    ] as const);
  return {
    sample: float32("batch", config.in_channels, "height", "width"),
    timestep: timesteps(),
    encoder_hidden_states: float32("batch", "tokens", first),
    ...(config.time_cond_proj_dim === null
      ? {}
      : { timestep_cond: optional(float32("batch", config.time_cond_proj_dim)) }),
    ...(hasClasses ? { class_labels: labels[config.class_embed_type ?? "none"]! } : {}),
    ...(config.addition_embed_type === "text_time"
      ? {
        text_embeds: float32("batch", "pooled"),
        time_ids: { ...float32("batch", "ids"), exact: true },
      }
      : {}),
    ...Object.fromEntries(residuals),
    ...imagePorts(has),
    mid_residual: residual,
  };
}

function build(s: Scope, config: Config, inputs: Readonly<Record<string, Value>>) {
  const { sample, encoder_hidden_states, mid_residual } = inputs;
  const temb = conditioning(s, config, inputs);
  const text = config.encoder_hid_dim === null
    ? encoder_hidden_states!
    : linear(s.at("encoder_hid_proj"), encoder_hidden_states!);
  const images = adapters((name) => s.has(name))
    .map((path, i) => imageProjection(s.at(path), inputs[`image_embeds_${i}`]!));
  const context: Context = { ...text, images };

  // in
  const centred = config.center_input_sample ? sub(s, mul(s, sample!, 2), 1) : sample!;
  const padding = Math.floor((config.conv_in_kernel - 1) / 2);
  let x = conv2d(s.at("conv_in"), centred, { padding }); // [N, C, H, W]

  // down
  let skips = [x];
  for (const [i, type] of config.down_block_types.entries()) {
    const options = downLevel(config, i, temb, context);
    const level = downBlock(s.at("down_blocks", i), type, x, options);
    x = level.x;
    skips.push(...level.skips);
  }
  skips = skips.map((skip, i) => {
    const residual = inputs[`down_residual_${i}`];
    return residual === undefined ? skip : add(s, skip, residual);
  });

  // middle
  x = middleLevel(s.at("mid_block"), config, x, temb, context);
  if (mid_residual !== undefined) x = add(s, x, mid_residual);

  // up
  for (const [i, type] of config.up_block_types.entries()) {
    x = upBlock(s.at("up_blocks", i), type, x, skips, upLevel(config, i, temb, context));
  }

  // out
  const norm = { groups: config.norm_num_groups!, eps: config.norm_eps };
  x = activation(s, groupNorm(s.at("conv_norm_out"), x, norm), config.act_fn);
  const outPadding = Math.floor((config.conv_out_kernel - 1) / 2);
  return { prediction: conv2d(s.at("conv_out"), x, { padding: outPadding }) };
}

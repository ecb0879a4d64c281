/**
 * ControlNetXSAdapter and UNetControlNetXSModel: a small network beside a UNet that reads an image (edges, a
 * depth map) and talks with it at every residual block of its down blocks. Zavadski, Feiden and Rother,
 * "ControlNet-XS: Rethinking the Control of Text-to-Image Diffusion Models as Feedback-Control Systems"
 * (arXiv:2312.06573).
 *
 * An adapter computes nothing by itself: `controlled(unet)` joins it with a UNet of Stable Diffusion 1.x, 2.x or
 * XL, as the pipelines do by themselves. As in the reference the normalizations of the joined model add 1e-6 to
 * variances, not 1e-5 as those of the UNet alone, and the groups of the adapter's are at most as many as those of its
 * level's first. A pipeline that was saved has a UNetControlNetXSModel, whose config alone says how many they are:
 * for all trained adapters the same.
 *
 * @example
 * ```ts ignore
 * import { ControlNetXSAdapter, StableDiffusionXLControlNetXSPipeline } from "@denoise/denoise";
 *
 * const controlnet = await ControlNetXSAdapter.fromPretrained("UmerHA/Testing-ConrolNetXS-SDXL-canny");
 * const pipe = await StableDiffusionXLControlNetXSPipeline.fromPretrained(
 *   "stabilityai/stable-diffusion-xl-base-1.0",
 *   { controlnet },
 * );
 * ```
 *
 * @module
 */
import {
  type FrozenConfig,
  type JsonObject,
  type Model,
  type ModelClass,
  Tensor,
} from "@denoise/core";
import type { ControlledDenoiser, UNetAdapter } from "@denoise/roles";
import { defineModel, type ModelDefinition, timestepTensor } from "@denoise/onnx";
import {
  adapterSchema,
  checkAdapter,
  checkUNet,
  type ControlNetXSAdapterConfig,
  type ControlNetXSSharedConfig,
  type UNetControlNetXSConfig,
  unetSchema,
} from "./config.ts";
import { forward, groupsOfConfig, groupsOfParts } from "./graph.ts";
import { adapterTensors, nameOfAdapter, nameOfUNet } from "./tensors.ts";

export type { ControlNetXSAdapterConfig, ControlNetXSSharedConfig, UNetControlNetXSConfig };

/** A loaded UNetControlNetXSModel: `forward(sample, timestep, options)` gives `{ sample }`. */
export type UNetControlNetXSModel = ControlledDenoiser<UNetControlNetXSConfig>;

const definition: Omit<ModelDefinition<UNetControlNetXSConfig, UNetControlNetXSModel>, "graphs"> = {
  className: "UNetControlNetXSModel",
  schema: unetSchema,
  check: checkUNet,
  methods: (model) => ({
    async forward(sample, timestep, options = {}) {
      checkSides(model.config, sample);
      const { controlnetCond, conditioningScale = 1 } = options;
      const { prediction } = await model.run("forward", {
        sample,
        timestep: timestepTensor(timestep, sample.dims[0]!),
        encoder_hidden_states: options.encoderHiddenStates,
        text_embeds: options.textEmbeds,
        time_ids: options.timeIds,
        ...(controlnetCond === undefined ? {} : {
          controlnet_cond: controlnetCond,
          conditioning_scale: Tensor.from([conditioningScale]),
        }),
      }, { signal: options.signal });
      return { sample: prediction! };
    },
  }),
};

/** The class of UNets with an adapter; `UNetControlNetXSModel` of diffusers. */
export const UNetControlNetXSModel: ModelClass<UNetControlNetXSModel> = defineModel({
  ...definition,
  graphs: { forward: forward(groupsOfConfig) },
});

const Joined = defineModel({ ...definition, graphs: { forward: forward(groupsOfParts) } });

/** A loaded ControlNetXSAdapter: `controlled(unet)` gives the UNet with it. */
export type ControlNetXSAdapter = UNetAdapter<ControlNetXSAdapterConfig>;

/** The class of adapters of a UNet; `ControlNetXSAdapter` of diffusers. */
export const ControlNetXSAdapter: ModelClass<ControlNetXSAdapter> = defineModel<
  ControlNetXSAdapterConfig,
  ControlNetXSAdapter
>({
  className: "ControlNetXSAdapter",
  schema: adapterSchema,
  check: checkAdapter,
  idle: adapterTensors,
  graphs: {},
  methods: ({ config }) => ({
    controlled(this: Model, unet) {
      checkWidths(config, unet);
      return Joined.fromModels(joinedConfig(config, unet), [
        { model: unet, rename: nameOfUNet },
        { model: this, rename: nameOfAdapter },
      ]);
    },
  }),
});

/** Levels halve latents and double them again. */
function checkSides(
  { block_out_channels: levels }: UNetControlNetXSConfig,
  { dims }: Tensor,
): void {
  const multiple = 2 ** (levels.length - 1);
  const [height = 0, width = 0] = dims.slice(2);
  if (height % multiple === 0 && width % multiple === 0) return;
  throw new RangeError(
    `Cannot run UNetControlNetXSModel on latents of ${width}x${height}: both sides must be multiples of ` +
      multiple,
  );
}

/** An adapter was made for the widths of a UNet. */
function checkWidths(
  { base_block_out_channels: wanted }: FrozenConfig<ControlNetXSAdapterConfig>,
  unet: Model,
): void {
  const { block_out_channels: found } = unet.config as { readonly block_out_channels?: unknown };
  if (String(found) === String(wanted)) return;
  throw new RangeError(
    `Cannot control this UNet: its block_out_channels are [${found}], but the ControlNetXSAdapter wants ` +
      `[${wanted}]; use one that was trained for this model`,
  );
}

/** Options that a UNet with an adapter has of the UNet. */
const OF_UNET = [
  "sample_size",
  "down_block_types",
  "up_block_types",
  "block_out_channels",
  "norm_num_groups",
  "cross_attention_dim",
  "transformer_layers_per_block",
  "addition_embed_type",
  "addition_time_embed_dim",
  "upcast_attention",
  "use_linear_projection",
  "time_cond_proj_dim",
  "projection_class_embeddings_input_dim",
];

/** Options that it has of the adapter, as `ctrl_` and their names. */
const OF_ADAPTER = [
  "conditioning_channels",
  "conditioning_embedding_out_channels",
  "conditioning_channel_order",
  "learn_time_embedding",
  "block_out_channels",
  "num_attention_heads",
  "max_norm_num_groups",
] as const;

function joinedConfig(
  adapter: FrozenConfig<ControlNetXSAdapterConfig>,
  unet: Model,
): JsonObject {
  const config = unet.config as JsonObject;
  const ofUNet = OF_UNET.filter((key) => config[key] !== undefined)
    .map((key) => [key, config[key]]);
  const ofAdapter = OF_ADAPTER.map((key) => [`ctrl_${key}`, adapter[key]]);
  return {
    ...Object.fromEntries([...ofUNet, ...ofAdapter]),
    num_attention_heads: config.attention_head_dim,
    time_embedding_mix: adapter.time_embedding_mix,
  };
}

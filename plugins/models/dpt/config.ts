import {
  boolean,
  type ConfigSchema,
  float,
  type FrozenConfig,
  type JsonObject,
  maybe,
  oneOf,
  record,
} from "@denoise/core";
import { unsupportedOption } from "@denoise/onnx";

/** Options of the convolutional backbone of a hybrid DPT. */
export interface BitOptions {
  /** Channels behind the first convolution. */
  readonly embedding_size: number;
  /** Channels of each stage. */
  readonly hidden_sizes: readonly number[];
  /** Blocks of each stage. */
  readonly depths: readonly number[];
  /** Groups of each normalisation. */
  readonly num_groups: number;
  /** Stages whose outputs are used. */
  readonly out_features: readonly string[];
}

/** Options of a DPTForDepthEstimation, as they stand in config.json. */
export interface DPTConfig {
  /** Width of the states. */
  readonly hidden_size: number;
  /** Layers of the transformer. */
  readonly num_hidden_layers: number;
  /** Heads of its attention. */
  readonly num_attention_heads: number;
  /** Width inside the feed forward layers. */
  readonly intermediate_size: number;
  /** Activation of the feed forward layers and readouts. */
  readonly hidden_act: string;
  /** Added to variances. */
  readonly layer_norm_eps: number;
  /** Height and width that it was trained for. */
  readonly image_size: number;
  /** Height and width of a patch. */
  readonly patch_size: number;
  /** Channels of the images. */
  readonly num_channels: number;
  /** Whether a BiT stands before the transformer. */
  readonly is_hybrid: boolean;
  /** Layers whose states are used; the first two are stages of the BiT in a hybrid. */
  readonly backbone_out_indices: readonly number[];
  /** What becomes of the class token: `"ignore"`, `"add"` or `"project"`. */
  readonly readout_type: "project" | "ignore" | "add";
  /** By which each of these states is enlarged. */
  readonly reassemble_factors: readonly number[];
  /** Channels that each of them is brought to. */
  readonly neck_hidden_sizes: readonly number[];
  /** Channels where they are fused. */
  readonly fusion_hidden_size: number;
  /** Which fused features the head takes. */
  readonly head_in_index: number;
  /** Whether queries, keys and values have a bias. */
  readonly qkv_bias: boolean;
  /** Whether the convolutions of the fusion blocks have one; when null, all do. */
  readonly use_bias_in_fusion_residual: boolean | null;
  /** Whether batch normalisation stands in the fusion blocks. */
  readonly use_batch_norm_in_fusion_residual: boolean;
  /** Whether the head begins with a projection. */
  readonly add_projection: boolean;
  /** The backbone's options. */
  readonly backbone_config: JsonObject | null;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<DPTConfig> = {
  hidden_size: 768,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  intermediate_size: 3072,
  hidden_act: "gelu",
  layer_norm_eps: float(1e-12),
  image_size: 384,
  patch_size: 16,
  num_channels: 3,
  is_hybrid: false,
  backbone_out_indices: [2, 5, 8, 11],
  readout_type: oneOf("project", "ignore", "add"),
  reassemble_factors: [4, 2, 1, 0.5],
  neck_hidden_sizes: [96, 192, 384, 768],
  fusion_hidden_size: 256,
  head_in_index: -1,
  qkv_bias: true,
  use_bias_in_fusion_residual: maybe(boolean),
  use_batch_norm_in_fusion_residual: false,
  add_projection: false,
  backbone_config: maybe(record<JsonObject>),
};

const BIT: BitOptions = {
  embedding_size: 64,
  hidden_sizes: [256, 512, 1024, 2048],
  depths: [3, 4, 9],
  num_groups: 32,
  out_features: ["stage1", "stage2", "stage3"],
};

/** The options of a hybrid's backbone. */
export function bitOptions({ backbone_config }: FrozenConfig<DPTConfig>): BitOptions {
  return { ...BIT, ...backbone_config } as BitOptions;
}

/** Whether the convolutions of the fusion blocks have a bias. */
export function fusionBias({ use_bias_in_fusion_residual }: FrozenConfig<DPTConfig>): boolean {
  return use_bias_in_fusion_residual ?? true;
}

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: DPTConfig): void {
  const refuse = (option: string, value: unknown, ...known: readonly unknown[]) => {
    throw unsupportedOption("DPTForDepthEstimation", option, value, known);
  };
  if (config.use_batch_norm_in_fusion_residual) {
    refuse("use_batch_norm_in_fusion_residual", true, false);
  }
  if (config.backbone_config === null) return;
  if (!config.is_hybrid) refuse("backbone_config", config.backbone_config, null);
  const { layer_type = "bottleneck", global_padding = "same", hidden_act = "relu" } = config
    .backbone_config as { [option: string]: string };
  if (layer_type !== "bottleneck") refuse("layer_type", layer_type, "bottleneck");
  if (hidden_act !== "relu") refuse("hidden_act of the backbone", hidden_act, "relu");
  if (String(global_padding).toLowerCase() !== "same") {
    refuse("global_padding", global_padding, "same");
  }
}

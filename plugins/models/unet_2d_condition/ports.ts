import type { FrozenConfig } from "@denoise/core";
import { float32, int64, optional, type Port, timesteps } from "@denoise/onnx";
import { imageProjections, imagePromptKind, layersAt, timeWidth } from "@denoise/onnx/blocks";
import { attentionWidth, type UNet2DConditionConfig } from "./config.ts";
import { isKBlock } from "@denoise/onnx/blocks";
import { groundingPorts } from "./grounding.ts";
import { imageMaskInput } from "./image_masks.ts";
import { perturbedInput, selfAttentions } from "./self_attention.ts";

type Config = FrozenConfig<UNet2DConditionConfig>;
type Ports = Record<string, Port>;

/** Channels of the latents that a hint becomes. */
const HINT_CHANNELS = 4;

/** Whether the model is given the vector of an image, as Kandinsky's are. */
export function takesImage(config: UNet2DConditionConfig): boolean {
  const { addition_embed_type: addition, encoder_hid_dim_type: states } = config;
  return (addition?.includes("image") ?? false) || (states?.includes("image") ?? false);
}

/** Whether the model is given the states of a text. */
export function takesText(config: UNet2DConditionConfig): boolean {
  return config.encoder_hid_dim_type !== "image_proj" || config.addition_embed_type === "text";
}

const PLAIN_LEVELS = /^(CrossAttn)?(Down|Up)Block2D$/;

/** Whether it may be left out, so that pixels look at each other instead, as AudioLDM's do. */
function mayLackText(config: Config): boolean {
  const { cross_attention_dim: widths, block_out_channels: channels } = config;
  return Array.isArray(widths) && widths.every((width, level) => width === channels[level]) &&
    config.encoder_hid_dim === null && config.addition_embed_type === null &&
    [...config.down_block_types, ...config.up_block_types].every((type) => PLAIN_LEVELS.test(type));
}

/** What each IP-Adapter is given of its images. */
function imagePrompts(added: (name: string) => boolean): Ports {
  const ports = imageProjections(added).flatMap((path, i) => {
    const kind = imagePromptKind((name) => added(`${path}.${name}`));
    const vectors = float32("batch", `images_${i}`, `width_${i}`);
    const states = (width: string) =>
      float32("batch", `images_${i}`, `patches_${i}`, `${width}_${i}`);
    const own = [`image_embeds_${i}`, kind === "states" ? states("width") : vectors] as const;
    return kind === "face and states"
      ? [own, [`image_states_${i}`, states("states")] as const]
      : [own];
  });
  return Object.fromEntries(ports);
}

/** Where the images of each IP-Adapter count, in each level. */
function imageMasks(
  { block_out_channels: channels }: Config,
  added: (name: string) => boolean,
): Ports {
  const ports = imageProjections(added).flatMap((_, i) =>
    [...channels.keys()].map((level) => [
      imageMaskInput(i, level),
      optional(float32(1, `images_${i}`, `places_${level}`)),
    ])
  );
  return Object.fromEntries(ports);
}

/** What the levels leave for the up blocks, from the top: true where their values are visible. */
function skips(config: Config): boolean[] {
  const last = config.block_out_channels.length - 1;
  const levels = config.down_block_types.map((type, level) => {
    const count = layersAt(config, level) + (level === last || isKBlock(type) ? 0 : 1);
    const isHidden = level === last && type === "KCrossAttnDownBlock2D";
    return Array<boolean>(count).fill(!isHidden);
  });
  return [true, ...levels.flat()];
}

/** Residuals of ControlNets and T2I-Adapters. */
function residuals(config: Config): Ports {
  const port = (name: string) => optional(float32("batch", `${name}_c`, `${name}_h`, `${name}_w`));
  const named = (names: readonly string[]) => names.map((name) => [name, port(name)] as const);
  const visible = skips(config).flatMap((isVisible, i) => isVisible ? [`down_residual_${i}`] : []);
  // one for each level that takes them, and one for the middle
  const inside = [...config.down_block_types, "middle"]
    .flatMap((type, i) => /^(Simple|KCross)/.test(type) ? [] : [`intrablock_residual_${i}`]);
  return Object.fromEntries(named([...visible, ...inside, "mid_residual"]));
}

function classLabels(config: Config): Ports {
  if (config.class_embed_type === null && config.num_class_embeds === null) return {};
  const projected = config.projection_class_embeddings_input_dim ?? 0;
  const labels: Ports = {
    none: int64("batch"),
    timestep: timesteps(),
    identity: float32("batch", timeWidth(config)),
    projection: float32("batch", projected),
    simple_projection: float32("batch", projected),
  };
  return { class_labels: labels[config.class_embed_type ?? "none"]! };
}

/** Of the vectors of images: as wide as attention's states beside a text, else what alone is projected. */
function imageWidth(config: Config): number | string {
  const { addition_embed_type: addition, encoder_hid_dim_type: states } = config;
  if (addition === "text_image" || states === "text_image_proj") return attentionWidth(config);
  const isAlone = addition === "image" || addition === "image_hint";
  return isAlone && config.encoder_hid_dim !== null ? config.encoder_hid_dim : "image_width";
}

/** What is given beside sample, time and text (`added_cond_kwargs`). */
function addedConditions(config: Config): Ports {
  const { addition_embed_type: type } = config;
  return {
    ...(type === "text_time" || type === "text_image"
      ? { text_embeds: float32("batch", type === "text_image" ? attentionWidth(config) : "pooled") }
      : {}),
    ...(type === "text_time" ? { time_ids: { ...float32("batch", "ids"), exact: true } } : {}),
    ...(takesImage(config) ? { image_embeds: float32("batch", imageWidth(config)) } : {}),
    ...(type === "image_hint" ? { hint: float32("batch", 3, "hint_h", "hint_w") } : {}),
  };
}

/** In which rows each self-attention is perturbed. */
function perturbations(config: Config): Ports {
  const rows: Port = { dtype: "bool", dims: ["batch"], optional: true };
  return Object.fromEntries(selfAttentions(config).map((path) => [perturbedInput(path), rows]));
}

function textPort(config: Config, width: number): Port {
  const port = float32("batch", "tokens", width);
  return mayLackText(config) ? optional(port) : port;
}

/** The inputs of a model with this config; `added` tells of what adapters have added. */
export function inputs(config: Config, added: (name: string) => boolean): Ports {
  const width = config.encoder_hid_dim ?? attentionWidth(config);
  const hint = config.addition_embed_type === "image_hint" ? HINT_CHANNELS : 0;
  return {
    sample: float32("batch", config.in_channels - hint, "height", "width"),
    timestep: timesteps(),
    ...(takesText(config) ? { encoder_hidden_states: textPort(config, width) } : {}),
    attention_mask: optional(float32("batch", "pixels")),
    encoder_attention_mask: optional(float32("batch", "keys")),
    ...(config.time_cond_proj_dim === null
      ? {}
      : { timestep_cond: optional(float32("batch", config.time_cond_proj_dim)) }),
    ...classLabels(config),
    ...addedConditions(config),
    ...residuals(config),
    ...imagePrompts(added),
    ...imageMasks(config, added),
    ...perturbations(config),
    ...groundingPorts(config),
    attended_rows: optional(int64("batch")),
  };
}

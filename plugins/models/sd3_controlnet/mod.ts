/**
 * SD3ControlNetModel: a copy of some of Stable Diffusion 3's blocks that is given an image (edges, a pose, a
 * depth map, what a mask leaves) and adds to what the blocks of the transformer hand on, after Zhang, Rao and
 * Agrawala (arXiv:2302.05543). Those for 3.5 large have blocks of the image alone, and are given the tokens of
 * the transformer in place of latents.
 *
 * @example
 * ```ts ignore
 * import { SD3ControlNetModel, StableDiffusion3ControlNetPipeline } from "@denoise/denoise";
 *
 * const controlnet = await SD3ControlNetModel.fromPretrained("InstantX/SD3-Controlnet-Canny");
 * const pipe = await StableDiffusion3ControlNetPipeline.fromPretrained(
 *   "stabilityai/stable-diffusion-3-medium-diffusers",
 *   { controlnet },
 * );
 * ```
 *
 * @module
 */
import { type FrozenConfig, type Model, type ModelClass, Tensor } from "@denoise/core";
import { defineModel, float32, timesteps, timestepTensor } from "@denoise/onnx";
import {
  croppedPositions,
  sd3Block,
  sd3SingleBlock,
  timeTextEmbedding,
} from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import { add, conv2d, linear, mul, toTokens } from "@denoise/onnx/nn";
import { schema, type SD3ControlNetConfig } from "./config.ts";

export type { SD3ControlNetConfig };

/** What an SD3ControlNetModel is given beside latents and timestep. */
export interface SD3ControlNetOptions {
  /** Latents of the control image, float32 [N, in_channels + extra_conditioning_channels, h, w]. */
  readonly controlnetCond: Tensor;
  /** What the residuals are multiplied with. Defaults to 1. */
  readonly conditioningScale?: number | undefined;
  /** States of the text, float32 [N, text tokens, joint_attention_dim]; none where that is null. */
  readonly encoderHiddenStates?: Tensor | undefined;
  /** The pooled text, float32 [N, pooled_projection_dim]. */
  readonly pooledProjections: Tensor;
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
}

/** A loaded SD3ControlNetModel. */
export interface SD3ControlNetModel extends Model<SD3ControlNetConfig> {
  /**
   * Residuals for one call of the transformer, one for each block, float32 [N, tokens, width].
   *
   * @param hiddenStates Latents, float32 [N, in_channels, h, w]; with `use_pos_embed` false the transformer's
   * tokens of them, float32 [N, tokens, width].
   * @param timestep 0..1000, for all rows or for each.
   */
  forward(
    hiddenStates: Tensor,
    timestep: number | readonly number[],
    options: SD3ControlNetOptions,
  ): Promise<{ readonly controlnetBlockSamples: readonly Tensor[] }>;
}

type Config = FrozenConfig<SD3ControlNetConfig>;
type Inputs = Readonly<Record<string, Value>>;

/** The name of the outputs, before the number of the block. */
const SAMPLES = "controlnet_block_samples";

/** The networks that control Stable Diffusion 3; `SD3ControlNetModel` of diffusers. */
export const SD3ControlNetModel: ModelClass<SD3ControlNetModel> = defineModel<
  SD3ControlNetConfig,
  SD3ControlNetModel
>({
  className: "SD3ControlNetModel",
  schema,
  graphs: {
    forward: {
      inputs: (config) => ({
        hidden_states: config.use_pos_embed
          ? float32("batch", config.in_channels, "height", "width")
          : float32("batch", "tokens", widthOf(config)),
        controlnet_cond: float32("batch", channelsOf(config), "height", "width"),
        scale: float32(1),
        ...(config.joint_attention_dim === null
          ? {}
          : { encoder_hidden_states: float32("batch", "text", config.joint_attention_dim) }),
        pooled_projections: float32("batch", config.pooled_projection_dim),
        timestep: timesteps(),
      }),
      build,
    },
  },
  methods: (model) => ({
    async forward(hiddenStates, timestep, options) {
      const { conditioningScale = 1, encoderHiddenStates } = options;
      const { joint_attention_dim: width, num_layers } = model.config;
      if ((width === null) !== (encoderHiddenStates === undefined)) {
        throw new TypeError(
          `Cannot control with ${width === null ? "" : "no "}encoderHiddenStates: this ` +
            `SD3ControlNetModel ${width === null ? "is given no text" : `needs a text's states`}`,
        );
      }
      const result = await model.run("forward", {
        hidden_states: hiddenStates,
        controlnet_cond: options.controlnetCond,
        scale: Tensor.from([conditioningScale]),
        encoder_hidden_states: encoderHiddenStates,
        pooled_projections: options.pooledProjections,
        timestep: timestepTensor(timestep, hiddenStates.dims[0]!),
      }, { signal: options.signal, onDevice: true }); // the transformer takes them from there
      const samples = Array.from({ length: num_layers }, (_, i) => result[`${SAMPLES}_${i}`]!);
      return { controlnetBlockSamples: samples };
    },
  }),
});

/** Channels of a token inside. */
function widthOf({ num_attention_heads, attention_head_dim }: Config): number {
  return num_attention_heads * attention_head_dim;
}

/** Channels of a control image. */
function channelsOf({ in_channels, extra_conditioning_channels }: Config): number {
  return in_channels + extra_conditioning_channels;
}

function build(s: Scope, config: Config, inputs: Inputs): Inputs {
  const { hidden_states, controlnet_cond, encoder_hidden_states, pooled_projections } = inputs;
  const temb = timeTextEmbedding(s.at("time_text_embed"), inputs.timestep!, pooled_projections!);
  const control = patches(s.at("pos_embed_input"), controlnet_cond!, config);
  let image = add(s, embed(s, hidden_states!, config), control); // [N, tokens, C]
  let text = encoder_hidden_states && linear(s.at("context_embedder"), encoder_hidden_states);
  const heads = { heads: config.num_attention_heads, width: widthOf(config) };
  const outputs: Record<string, Value> = {};
  for (let i = 0; i < config.num_layers; i++) {
    const block = s.at("transformer_blocks", i);
    if (text === undefined) image = sd3SingleBlock(block, image, temb, heads);
    else {
      [text, image] = sd3Block(block, [text, image], temb, {
        ...heads,
        isNormed: config.qk_norm !== null,
        dual: config.dual_attention_layers.includes(i),
      });
    }
    const made = linear(s.at("controlnet_blocks", i), image);
    outputs[`${SAMPLES}_${i}`] = mul(s, made, inputs.scale!);
  }
  return outputs;
}

/** Latents as tokens, [N, tokens, C]. */
function patches(s: Scope, latents: Value, { patch_size }: Config): Value {
  return toTokens(s, conv2d(s.at("proj"), latents, { stride: patch_size }));
}

/** The noisy latents as tokens with their positions. */
function embed(s: Scope, latents: Value, config: Config): Value {
  if (!config.use_pos_embed) return latents;
  const module = s.at("pos_embed");
  const tokens = patches(module, latents, config);
  if (config.pos_embed_type === null) return tokens;
  const places = { patch: config.patch_size, size: config.pos_embed_max_size };
  return add(s, tokens, croppedPositions(s, module.tensor("pos_embed"), latents, places));
}

/**
 * FluxTransformer2DModel: the denoiser of FLUX.1 (Black Forest Labs, 2024), a rectified-flow
 * transformer on tokens of 2x2 latents: blocks in which text and image have weights of their own
 * (MM-DiT, arXiv:2403.03206), then blocks of attention and feed forward side by side (arXiv:2302.05442) on
 * both as one row. Positions are rotary (arXiv:2104.09864).
 *
 * Not covered: `controlnet_block_samples`, `ip_adapter_image_embeds`.
 *
 * @example
 * ```ts ignore
 * import { FluxTransformer2DModel } from "@denoise/denoise";
 *
 * const transformer = await FluxTransformer2DModel.fromPretrained(
 *   "black-forest-labs/FLUX.1-schnell",
 *   { subfolder: "transformer" },
 * );
 * console.log(transformer.config.num_layers);
 * ```
 *
 * @module
 */
import type { FrozenConfig, Model, ModelClass, Tensor } from "@denoise/core";
import { defineModel, float32, optional, timesteps, timestepTensor } from "@denoise/onnx";
import {
  feedForward,
  jointAttention,
  modulatedNorm,
  modulation,
  projectHeads,
  timeTextEmbedding,
} from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  add,
  concat,
  gelu,
  linear,
  mul,
  type Rotary,
  rotaryEmbedding,
  splitLike,
} from "@denoise/onnx/nn";
import { type FluxTransformerConfig, schema } from "./config.ts";

export type { FluxTransformerConfig };

/** What a FluxTransformer2DModel is given beside tokens and timestep. */
export interface FluxTransformerOptions {
  /** States of the text, float32 [N, text tokens, joint_attention_dim]. */
  readonly encoderHiddenStates: Tensor;
  /** The pooled text, float32 [N, pooled_projection_dim]. */
  readonly pooledProjections: Tensor;
  /** Coordinates of the image's tokens, float32 [tokens, axes]. */
  readonly imgIds: Tensor;
  /** Coordinates of the text's tokens, float32 [text tokens, axes]. */
  readonly txtIds: Tensor;
  /** The guidance scale for each row, for models with `guidance_embeds`. */
  readonly guidance?: number | readonly number[] | undefined;
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
}

/** A loaded FluxTransformer2DModel. */
export interface FluxTransformer2DModel extends Model<FluxTransformerConfig> {
  /**
   * The velocity from data to noise at each token, float32 [N, tokens, patch_size²·out_channels].
   *
   * @param hiddenStates Packed latents, float32 [N, tokens, in_channels].
   * @param timestep 0..1, for all rows or for each: the share of noise.
   */
  forward(
    hiddenStates: Tensor,
    timestep: number | readonly number[],
    options: FluxTransformerOptions,
  ): Promise<{ sample: Tensor }>;
}

type Config = FrozenConfig<FluxTransformerConfig>;
type Inputs = Readonly<Record<string, Value>>;

/** The denoiser of FLUX.1; `FluxTransformer2DModel` of diffusers. */
export const FluxTransformer2DModel: ModelClass<FluxTransformer2DModel> = defineModel<
  FluxTransformerConfig,
  FluxTransformer2DModel
>({
  className: "FluxTransformer2DModel",
  schema,
  graphs: {
    forward: {
      inputs: (config) => ({
        hidden_states: float32("batch", "tokens", config.in_channels),
        encoder_hidden_states: float32("batch", "text", config.joint_attention_dim),
        pooled_projections: float32("batch", config.pooled_projection_dim),
        timestep: timesteps(),
        img_ids: { ...float32("tokens", config.axes_dims_rope.length), exact: true },
        txt_ids: { ...float32("text", config.axes_dims_rope.length), exact: true },
        ...(config.guidance_embeds ? { guidance: optional(timesteps()) } : {}),
      }),
      build,
    },
  },
  methods: (model) => ({
    async forward(hiddenStates, timestep, options) {
      const batch = hiddenStates.dims[0]!;
      const { guidance } = options;
      const { sample } = await model.run("forward", {
        hidden_states: hiddenStates,
        encoder_hidden_states: options.encoderHiddenStates,
        pooled_projections: options.pooledProjections,
        timestep: timestepTensor(timestep, batch),
        img_ids: options.imgIds,
        txt_ids: options.txtIds,
        guidance: guidance === undefined ? undefined : timestepTensor(guidance, batch),
      }, { signal: options.signal });
      return { sample: sample! };
    },
  }),
});

function build(s: Scope, config: Config, inputs: Inputs): Inputs {
  const { img_ids, txt_ids, hidden_states, encoder_hidden_states } = inputs;
  const { timestep, guidance, pooled_projections } = inputs;
  const temb = timeTextEmbedding(
    s.at("time_text_embed"),
    mul(s, timestep!, 1000),
    pooled_projections!,
    guidance && mul(s, guidance, 1000),
  );
  const ids = concat(s, [txt_ids!, img_ids!], 0);
  const rotary = rotaryEmbedding(s, ids, { widths: config.axes_dims_rope });
  let text = linear(s.at("context_embedder"), encoder_hidden_states!); // [N, text, C]
  let image = linear(s.at("x_embedder"), hidden_states!); // [N, tokens, C]
  for (let i = 0; i < config.num_layers; i++) {
    [text, image] = doubleBlock(s.at("transformer_blocks", i), [text, image], temb, rotary, config);
  }
  let row = concat(s, [text, image], 1);
  for (let i = 0; i < config.num_single_layers; i++) {
    row = singleBlock(s.at("single_transformer_blocks", i), row, temb, rotary, config);
  }
  const [, last] = splitLike(s, row, [text, image], 1) as [Value, Value];
  const [scale, shift] = modulation(s.at("norm_out.linear"), temb, 2) as [Value, Value];
  const normal = modulatedNorm(s, last, [scale, shift], { width: widthOf(config) });
  return { sample: linear(s.at("proj_out"), normal) };
}

/** Channels of a token inside. */
function widthOf({ num_attention_heads, attention_head_dim }: Config): number {
  return num_attention_heads * attention_head_dim;
}

/** Names of a block's parts for text and image. */
const STREAMS = [
  {
    norm: "norm1_context",
    ff: "ff_context",
    names: ["add_q_proj", "add_k_proj", "add_v_proj"],
    norms: ["norm_added_q", "norm_added_k"],
    out: "to_add_out",
  },
  {
    norm: "norm1",
    ff: "ff",
    names: ["to_q", "to_k", "to_v"],
    norms: ["norm_q", "norm_k"],
    out: "to_out.0",
  },
] as const;

/** Text and image attend to each other, each with weights of its own (`FluxTransformerBlock`). */
function doubleBlock(
  s: Scope,
  streams: readonly [text: Value, image: Value],
  temb: Value,
  rotary: Rotary,
  config: Config,
): [text: Value, image: Value] {
  const attn = s.at("attn");
  const heads = config.num_attention_heads;
  const width = widthOf(config);
  const modulations = STREAMS.map(({ norm }) => modulation(s.at(`${norm}.linear`), temb, 6));
  const projected = STREAMS.map(({ names, norms }, i) => {
    const [shift, scale] = modulations[i]! as [Value, Value];
    const normal = modulatedNorm(s, streams[i]!, [scale, shift], { width });
    return projectHeads(attn, normal, { heads, names, norms });
  });
  const attended = jointAttention(attn, projected, { heads, rotary });
  return STREAMS.map(({ out, ff }, i) => {
    const [, , gate, shift, scale, gateFf] = modulations[i]! as Value[];
    const x = add(s, streams[i]!, mul(s, gate!, linear(attn.at(out), attended[i]!)));
    const normal = modulatedNorm(s, x, [scale!, shift!], { width });
    const fed = feedForward(s.at(ff), normal, { activation: "gelu-approximate" });
    return add(s, x, mul(s, gateFf!, fed));
  }) as [Value, Value];
}

/** Attention and feed forward side by side on one row of tokens (`FluxSingleTransformerBlock`). */
function singleBlock(s: Scope, x: Value, temb: Value, rotary: Rotary, config: Config): Value {
  const heads = config.num_attention_heads;
  const [shift, scale, gate] = modulation(s.at("norm.linear"), temb, 3) as [Value, Value, Value];
  const normal = modulatedNorm(s, x, [scale, shift], { width: widthOf(config) });
  const projected = projectHeads(s.at("attn"), normal, { heads });
  const [seen] = jointAttention(s.at("attn"), [projected], { heads, rotary }) as [Value];
  const hidden = gelu(s, linear(s.at("proj_mlp"), normal), "tanh");
  const out = linear(s.at("proj_out"), concat(s, [seen, hidden], -1));
  return add(s, x, mul(s, gate, out));
}

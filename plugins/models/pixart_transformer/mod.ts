/**
 * PixArtTransformer2DModel: the denoiser of PixArt-α and PixArt-Σ (Chen et al., 2023, arXiv:2310.00426 and
 * 2024, arXiv:2403.04692): blocks of attention among the tokens of an image, attention to a text, and a feed
 * forward, all shifted and scaled by the time through one layer that they share. Positions are sines, stretched
 * to the grid that the model was trained with.
 *
 * Not covered: `attention_mask`, `cross_attention_kwargs`, normalizations with weights.
 *
 * @example
 * ```ts ignore
 * import { PixArtTransformer2DModel } from "@denoise/denoise";
 *
 * const transformer = await PixArtTransformer2DModel.fromPretrained(
 *   "PixArt-alpha/PixArt-Sigma-XL-2-512-MS",
 *   { subfolder: "transformer" },
 * );
 * console.log(transformer.config.num_layers);
 * ```
 *
 * @module
 */
import type { FrozenConfig, Model, ModelClass, Tensor } from "@denoise/core";
import { defineModel, float32, int64, optional, timesteps, timestepTensor } from "@denoise/onnx";
import {
  attentionLayer,
  feedForward,
  gridPositions,
  modulate,
  modulatedNorm,
  patchGrid,
  tableModulation,
  timestepEmbedding,
  timestepWaves,
  unpatchify,
} from "@denoise/onnx/blocks";
import type { StepCached } from "@denoise/roles";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  add,
  concat,
  conv2d,
  gelu,
  layerNorm,
  linear,
  maskBias,
  mul,
  reshape,
  silu,
  toTokens,
  unsqueeze,
} from "@denoise/onnx/nn";
import { check, type PixArtTransformerConfig, schema } from "./config.ts";

export type { PixArtTransformerConfig };

/** What a PixArtTransformer2DModel is given beside latents and timestep. */
export interface PixArtTransformerOptions {
  /** States of the text, float32 [N, text tokens, width]. */
  readonly encoderHiddenStates: Tensor;
  /** int64 [N, text tokens], 1 where a token counts. Defaults to all of them. */
  readonly encoderAttentionMask?: Tensor | undefined;
  /** Height and width in pixels, float32 [N, 2], for models that are given them. */
  readonly resolution?: Tensor | undefined;
  /** Height / width, float32 [N, 1], for models that are given it. */
  readonly aspectRatio?: Tensor | undefined;
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
}

/** A loaded PixArtTransformer2DModel. */
export interface PixArtTransformer2DModel extends Model<PixArtTransformerConfig>, StepCached {
  /**
   * What the model predicts, float32 [N, out_channels, h, w].
   *
   * @param hiddenStates Latents, float32 [N, in_channels, h, w]; sides are multiples of patch_size.
   * @param timestep For all rows or for each.
   */
  forward(
    hiddenStates: Tensor,
    timestep: number | readonly number[],
    options: PixArtTransformerOptions,
  ): Promise<{ sample: Tensor }>;
}

type Config = FrozenConfig<PixArtTransformerConfig>;
type Inputs = Readonly<Record<string, Value>>;

/** The denoiser of PixArt; `PixArtTransformer2DModel` of diffusers. */
export const PixArtTransformer2DModel: ModelClass<PixArtTransformer2DModel> = defineModel<
  PixArtTransformerConfig,
  PixArtTransformer2DModel
>({
  className: "PixArtTransformer2DModel",
  schema,
  check,
  graphs: {
    forward: {
      inputs: (config) => ({
        hidden_states: float32("batch", config.in_channels, "height", "width"),
        encoder_hidden_states: float32(
          "batch",
          "text",
          config.caption_channels ?? config.cross_attention_dim ?? widthOf(config),
        ),
        encoder_attention_mask: optional(int64("batch", "text")),
        timestep: timesteps(),
        positions: { ...float32(1, "tokens", widthOf(config)), exact: true },
        ...(isConditioned(config)
          ? {
            resolution: { ...float32("batch", 2), exact: true },
            aspect_ratio: { ...float32("batch", 1), exact: true },
          }
          : {}),
      }),
      build,
    },
  },
  methods: (model) => ({
    async forward(hiddenStates, timestep, options) {
      const { patch_size: patch, sample_size } = model.config;
      const scale = model.config.interpolation_scale ?? Math.max(Math.floor(sample_size / 64), 1);
      const [rows, columns] = patchGrid(hiddenStates, patch);
      const positions = gridPositions(rows, columns, {
        ...{ width: widthOf(model.config), base: Math.floor(sample_size / patch), scale },
      });
      const { sample } = await model.run("forward", {
        hidden_states: hiddenStates,
        encoder_hidden_states: options.encoderHiddenStates,
        encoder_attention_mask: options.encoderAttentionMask,
        timestep: timestepTensor(timestep, hiddenStates.dims[0]!),
        positions,
        resolution: options.resolution,
        aspect_ratio: options.aspectRatio,
      }, { signal: options.signal });
      return { sample: sample! };
    },
  }),
});

/** Channels of a token inside. */
function widthOf({ num_attention_heads, attention_head_dim }: Config): number {
  return num_attention_heads * attention_head_dim;
}

function isConditioned({ use_additional_conditions, sample_size }: Config): boolean {
  return use_additional_conditions ?? sample_size === 128;
}

function build(s: Scope, config: Config, inputs: Inputs): Inputs {
  const { hidden_states, encoder_hidden_states, encoder_attention_mask, positions } = inputs;
  const { patch_size: patch, in_channels } = config;
  const width = widthOf(config);
  const embedded = conv2d(s.at("pos_embed.proj"), hidden_states!, { stride: patch });
  let x = add(s, toTokens(s, embedded, width), s.cast(positions!)); // [N, tokens, C]
  const time = timeAndSize(s.at("adaln_single.emb"), config, inputs); // [N, C]
  const shared = linear(s.at("adaln_single.linear"), silu(s, time));
  const six = reshape(s, shared, [0, 6, width]); // [N, 6, C]
  const text = projectText(s, config, encoder_hidden_states!);
  const bias = encoder_attention_mask && maskBias(s, encoder_attention_mask, HIDDEN);
  s.graph.markBlock([x]);
  for (let i = 0; i < config.num_layers; i++) {
    x = block(s.at("transformer_blocks", i), x, { text, bias, time: six, config });
    s.graph.markBlock([x]);
  }
  const [shift, scale] = tableModulation(s, unsqueeze(s, time, [1]), 2) as [Value, Value];
  const normal = modulatedNorm(s, x, [scale, shift], { width });
  const channels = config.out_channels ?? in_channels;
  const out = linear(s.at("proj_out"), normal);
  return { sample: unpatchify(s, out, hidden_states!, { patch, channels }) };
}

/** Added to the scores of masked tokens. */
const HIDDEN = -10000;

/** The time, and resolution and aspect ratio where they are inputs (`PixArtAlphaCombinedTimestepSizeEmbeddings`). */
function timeAndSize(s: Scope, config: Config, inputs: Inputs): Value {
  const time = timestepEmbedding(s.at("timestep_embedder"), timestepWaves(s, inputs.timestep!));
  if (!isConditioned(config)) return time;
  const third = Math.floor(widthOf(config) / 3);
  const flat = (x: Value) => timestepWaves(s, reshape(s, x, [-1]));
  const sides = timestepEmbedding(s.at("resolution_embedder"), flat(inputs.resolution!));
  const ratio = timestepEmbedding(s.at("aspect_ratio_embedder"), flat(inputs.aspect_ratio!));
  return add(s, time, concat(s, [reshape(s, sides, [-1, 2 * third]), ratio], 1));
}

/** Two linear layers on the states of the text (`PixArtAlphaTextProjection`). */
function projectText(s: Scope, { caption_channels }: Config, states: Value): Value {
  if (caption_channels === null) return states;
  const projection = s.at("caption_projection");
  const hidden = gelu(s, linear(projection.at("linear_1"), states), "tanh");
  return linear(projection.at("linear_2"), hidden);
}

/** `BasicTransformerBlock` with `ada_norm_single`. */
function block(
  s: Scope,
  x: Value,
  { text, bias, time, config }: {
    readonly text: Value;
    readonly bias: Value | undefined;
    readonly time: Value;
    readonly config: Config;
  },
): Value {
  const [shift, scale, gate, shiftFf, scaleFf, gateFf] = tableModulation(s, time, 6) as [
    Value,
    Value,
    Value,
    Value,
    Value,
    Value,
  ];
  const options = { heads: config.num_attention_heads, bias: config.attention_bias };
  const plain = () => layerNorm(s, x, { width: widthOf(config), eps: config.norm_eps });
  const normal = modulate(s, plain(), scale, shift);
  const own = attentionLayer(s.at("attn1"), normal, normal, options);
  s.graph.markModule(`${s.path}.attn1`, [own]);
  x = add(s, x, mul(s, gate, own));
  if (config.cross_attention_dim !== null) {
    const seen = attentionLayer(s.at("attn2"), x, { ...text, keyBias: bias }, options);
    s.graph.markModule(`${s.path}.attn2`, [seen], { isCross: true });
    x = add(s, x, seen);
  }
  const { activation_fn: activation } = config;
  const fed = feedForward(s.at("ff"), modulate(s, plain(), scaleFf, shiftFf), { activation });
  return add(s, x, mul(s, gateFf, fed));
}

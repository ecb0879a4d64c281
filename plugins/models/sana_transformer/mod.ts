/**
 * SanaTransformer2DModel: the denoiser of Sana and Sana-Sprint (Xie et al., 2024, arXiv:2410.10629; Chen et
 * al., 2025, arXiv:2503.09641): linear attention among the tokens of an image, attention to a text, and a
 * convolution as feed forward, which is what places tokens.
 *
 * Not covered: `attention_mask`, `controlnet_block_samples`.
 *
 * @example
 * ```ts ignore
 * import { SanaTransformer2DModel } from "@denoise/denoise";
 *
 * const transformer = await SanaTransformer2DModel.fromPretrained(
 *   "Efficient-Large-Model/Sana_600M_1024px_diffusers",
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
  glumbConv,
  gridPositions,
  linearAttention,
  modulate,
  modulatedNorm,
  patchGrid,
  tableModulation,
  timestepEmbedding,
  timestepWaves,
  unpatchify,
} from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  add,
  attention,
  conv2d,
  fromTokens,
  gelu,
  layerNorm,
  linear,
  maskBias,
  mul,
  reshape,
  rmsNorm,
  silu,
  toTokens,
  transpose,
  unsqueeze,
} from "@denoise/onnx/nn";
import { check, type SanaTransformerConfig, schema } from "./config.ts";

export type { SanaTransformerConfig };

/** What a SanaTransformer2DModel is given beside latents and timestep. */
export interface SanaTransformerOptions {
  /** States of the text, float32 [N, text tokens, caption_channels]. */
  readonly encoderHiddenStates: Tensor;
  /** int64 [N, text tokens], 1 where a token counts. Defaults to all of them. */
  readonly encoderAttentionMask?: Tensor | undefined;
  /** The guidance scale for each row, for models with `guidance_embeds`. */
  readonly guidance?: number | readonly number[] | undefined;
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
}

/** A loaded SanaTransformer2DModel. */
export interface SanaTransformer2DModel extends Model<SanaTransformerConfig> {
  /**
   * What the model predicts, float32 [N, out_channels, h, w].
   *
   * @param hiddenStates Latents, float32 [N, in_channels, h, w]; sides are multiples of patch_size.
   * @param timestep For all rows or for each.
   */
  forward(
    hiddenStates: Tensor,
    timestep: number | readonly number[],
    options: SanaTransformerOptions,
  ): Promise<{ sample: Tensor }>;
}

type Config = FrozenConfig<SanaTransformerConfig>;
type Inputs = Readonly<Record<string, Value>>;

/** The denoiser of Sana; `SanaTransformer2DModel` of diffusers. */
export const SanaTransformer2DModel: ModelClass<SanaTransformer2DModel> = defineModel<
  SanaTransformerConfig,
  SanaTransformer2DModel
>({
  className: "SanaTransformer2DModel",
  schema,
  check,
  graphs: {
    forward: {
      inputs: (config) => ({
        hidden_states: float32("batch", config.in_channels, "height", "width"),
        encoder_hidden_states: float32("batch", "text", config.caption_channels),
        encoder_attention_mask: optional(int64("batch", "text")),
        timestep: timesteps(),
        ...(config.guidance_embeds ? { guidance: timesteps() } : {}),
        ...(config.interpolation_scale === null
          ? {}
          : { positions: { ...float32(1, "tokens", widthOf(config)), exact: true } }),
      }),
      build,
    },
  },
  methods: (model) => ({
    async forward(hiddenStates, timestep, options) {
      const { patch_size: patch, sample_size, interpolation_scale: scale } = model.config;
      const batch = hiddenStates.dims[0]!;
      const [rows, columns] = patchGrid(hiddenStates, patch);
      const { guidance } = options;
      const { sample } = await model.run("forward", {
        hidden_states: hiddenStates,
        encoder_hidden_states: options.encoderHiddenStates,
        encoder_attention_mask: options.encoderAttentionMask,
        timestep: timestepTensor(timestep, batch),
        guidance: guidance === undefined ? undefined : timestepTensor(guidance, batch),
        positions: scale === null ? undefined : gridPositions(rows, columns, {
          ...{ width: widthOf(model.config), base: Math.floor(sample_size / patch), scale },
        }),
      }, { signal: options.signal });
      return { sample: sample! };
    },
  }),
});

/** Channels of a token inside. */
function widthOf({ num_attention_heads, attention_head_dim }: Config): number {
  return num_attention_heads * attention_head_dim;
}

function build(s: Scope, config: Config, inputs: Inputs): Inputs {
  const { hidden_states, encoder_hidden_states, encoder_attention_mask, positions } = inputs;
  const { patch_size: patch, in_channels, out_channels } = config;
  const width = widthOf(config);
  const grid = conv2d(s.at("patch_embed.proj"), hidden_states!, { stride: patch }); // [N, C, h, w]
  const tokens = toTokens(s, grid, width);
  let x = positions === undefined ? tokens : add(s, tokens, s.cast(positions)); // [N, tokens, C]
  const { time, six } = timeAndGuidance(s.at("time_embed"), config, inputs);
  const text = projectText(s, encoder_hidden_states!);
  const bias = encoder_attention_mask && maskBias(s, encoder_attention_mask, HIDDEN);
  for (let i = 0; i < config.num_layers; i++) {
    x = block(s.at("transformer_blocks", i), x, { text, bias, time: six, grid, config });
  }
  const [shift, scale] = tableModulation(s, unsqueeze(s, time, [1]), 2) as [Value, Value];
  const normal = modulatedNorm(s, x, [scale, shift], { width });
  const channels = out_channels ?? in_channels;
  const out = linear(s.at("proj_out"), normal);
  return { sample: unpatchify(s, out, hidden_states!, { patch, channels }) };
}

/** Added to the scores of masked tokens. */
const HIDDEN = -10000;

/** The time as one vector [N, C], and as six of all blocks [N, 6, C]. */
function timeAndGuidance(s: Scope, config: Config, { timestep, guidance }: Inputs) {
  const embed = (of: Scope, name: string, x: Value) =>
    timestepEmbedding(of.at(name), timestepWaves(s, x));
  const time = config.guidance_embeds
    ? add(s, embed(s, "timestep_embedder", timestep!), embed(s, "guidance_embedder", guidance!))
    : embed(s.at("emb"), "timestep_embedder", timestep!);
  return { time, six: reshape(s, linear(s.at("linear"), silu(s, time)), [0, 6, widthOf(config)]) };
}

/** Two linear layers on the states of the text, normalized. */
function projectText(s: Scope, states: Value): Value {
  const projection = s.at("caption_projection");
  const hidden = gelu(s, linear(projection.at("linear_1"), states), "tanh");
  return rmsNorm(s.at("caption_norm"), linear(projection.at("linear_2"), hidden), { eps: 1e-5 });
}

/** What a block is given beside the tokens. */
interface BlockFacts {
  /** [N, text tokens, C]. */
  readonly text: Value;
  /** [N, 1, 1, text tokens]. */
  readonly bias: Value | undefined;
  /** [N, 6, C]. */
  readonly time: Value;
  /** Any image of as many tokens, [N, C, h, w]. */
  readonly grid: Value;
  readonly config: Config;
}

/** `SanaTransformerBlock`. */
function block(s: Scope, x: Value, { text, bias, time, grid, config }: BlockFacts): Value {
  const { norm_eps: eps, norm_elementwise_affine: isAffine } = config;
  const width = widthOf(config);
  const [shift, scale, gate, shiftFf, scaleFf, gateFf] = tableModulation(s, time, 6) as [
    Value,
    Value,
    Value,
    Value,
    Value,
    Value,
  ];
  const normal = modulatedNorm(s, x, [scale, shift], { width, eps });
  const own = add(s, x, mul(s, gate, selfAttention(s.at("attn1"), normal, config)));
  const crossed = add(s, own, crossAttention(s.at("attn2"), own, text, bias, config));
  const second = layerNorm(s.at("norm2"), crossed, isAffine ? { eps } : { width, eps });
  const fed = glumbConv(
    s.at("ff"),
    fromTokens(s, modulate(s, second, scaleFf, shiftFf), grid),
  );
  return add(s, crossed, mul(s, gateFf, toTokens(s, fed, width)));
}

/** Queries, keys and values, normalized over all heads where the model has that. */
function projections(
  s: Scope,
  x: Value,
  other: Value,
  { qk_norm }: Config,
  bias: boolean,
): { query: Value; key: Value; value: Value } {
  const [query, key, value] = ([["to_q", x], ["to_k", other], ["to_v", other]] as const).map((
    [name, of],
  ) => linear(s.at(name), of, { bias })) as [Value, Value, Value];
  if (qk_norm === null) return { query, key, value };
  return {
    query: rmsNorm(s.at("norm_q"), query, { eps: 1e-5 }),
    key: rmsNorm(s.at("norm_k"), key, { eps: 1e-5 }),
    value,
  };
}

/** Linear attention among the tokens of the image. */
function selfAttention(s: Scope, x: Value, config: Config): Value {
  const { num_attention_heads: heads, attention_head_dim: width } = config;
  const { query, key, value } = projections(s, x, x, config, config.attention_bias);
  const split = (of: Value) => transpose(s, reshape(s, of, [0, 0, heads, width]), [0, 2, 1, 3]); // [N, heads, tokens, width]
  const seen = linearAttention(s, { query: split(query), key: split(key), value: split(value) });
  const joined = reshape(s, transpose(s, seen, [0, 2, 1, 3]), [0, 0, heads * width]);
  return linear(s.at("to_out.0"), joined);
}

/** Attention to the text. */
function crossAttention(
  s: Scope,
  x: Value,
  text: Value,
  keyBias: Value | undefined,
  config: Config,
): Value {
  const inputs = projections(s, x, text, config, true);
  const seen = attention(s, inputs, { heads: config.num_cross_attention_heads, keyBias });
  return linear(s.at("to_out.0"), seen);
}

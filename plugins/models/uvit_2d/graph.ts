import type { FrozenConfig } from "@denoise/core";
import { float32, type GraphDefinition, int64 } from "@denoise/onnx";
import {
  attentionLayer,
  feedForward,
  timestepEmbedding,
  timestepWaves,
} from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  add,
  chunk,
  concat,
  conv2d,
  convTranspose2d,
  div,
  embedding,
  fromTokens,
  gelu,
  layerNorm,
  linear,
  mean,
  mul,
  norm,
  reshape,
  rmsNorm,
  silu,
  sum,
  toTokens,
  transpose,
  unsqueeze,
} from "@denoise/onnx/nn";
import { microConds, type UVit2DConfig } from "./config.ts";

type Config = FrozenConfig<UVit2DConfig>;

/** What every block looks at. */
interface Conditioning {
  /** States of the text, [N, tokens, hidden_size]. */
  readonly text: Value;
  /** Pooled text and micro conditioning through an activation, [N, hidden_size]. */
  readonly pooled: Value;
}

const toLast = (s: Scope, x: Value) => transpose(s, x, [0, 2, 3, 1]); // [N, H, W, C]
const toFirst = (s: Scope, x: Value) => transpose(s, x, [0, 3, 1, 2]); // [N, C, H, W]

/** RMS normalization of the last axis, of so many channels. */
function normalized(s: Scope, x: Value, config: Config, width: number): Value {
  const isAffine = config.ln_elementwise_affine;
  return rmsNorm(s, x, { eps: config.layer_norm_eps, width: isAffine ? undefined : width });
}

/** The same of the channels of [N, C, H, W]. */
function normalizedChannels(s: Scope, x: Value, config: Config, width: number): Value {
  return toFirst(s, normalized(s, toLast(s, x), config, width));
}

/** Channels divided by their mean length over the image (`GlobalResponseNorm`; arXiv:2301.00808). */
function responseNorm(s: Scope, x: Value): Value {
  const lengths = norm(s, x, [1, 2]); // [N, 1, 1, C]
  const ratio = div(s, lengths, add(s, mean(s, lengths, [-1]), 1e-6));
  const scaled = mul(s, s.tensor("gamma"), mul(s, x, ratio));
  return add(s, add(s, scaled, s.tensor("beta")), x);
}

/** A depthwise convolution and two linear layers, scaled and shifted (`ConvNextBlock`). */
function convNext(s: Scope, x: Value, pooled: Value, config: Config): Value {
  const { block_out_channels: channels, use_bias: bias } = config;
  const near = conv2d(s.at("depthwise"), x, { padding: 1, groups: channels, bias });
  const normal = normalized(s.at("norm"), toLast(s, near), config, channels);
  const wide = gelu(s, linear(s.at("channelwise_linear_1"), normal, { bias }));
  const even = responseNorm(s.at("channelwise_norm"), wide); // [N, H, W, 4C]
  const made = toFirst(s, linear(s.at("channelwise_linear_2"), even, { bias }));
  const both = unsqueeze(s, linear(s.at("cond_embeds_mapper"), pooled, { bias }), [2, 3]);
  const [scale, shift] = chunk(s, both, 2, 1) as [Value, Value]; // [N, C, 1, 1]
  return add(s, mul(s, sum(s, made, x), add(s, scale, 1)), shift);
}

/** Attention to the text, twice, without a feed forward (`SkipFFTransformerBlock`). */
function textAttentions(s: Scope, x: Value, text: Value, config: Config): Value {
  const { block_out_channels: channels, hidden_size, block_num_heads: heads, use_bias } = config;
  const options = { heads, bias: use_bias, outBias: use_bias };
  const context = hidden_size === channels
    ? text
    : linear(s.at("kv_mapper"), silu(s, text), { bias: use_bias });
  return [1, 2].reduce((tokens, i) => {
    const normal = rmsNorm(s.at(`norm${i}`), tokens);
    return sum(s, attentionLayer(s.at(`attn${i}`), normal, context, options), tokens);
  }, x);
}

/** A block on the image (`UVitBlock`). */
function imageBlock(s: Scope, x: Value, { text, pooled }: Conditioning, config: Config): Value {
  const { block_out_channels: channels } = config;
  for (let i = 0; i < config.num_res_blocks; i++) {
    x = convNext(s.at("res_blocks", i), x, pooled, config);
    const tokens = toTokens(s, x, channels);
    const seen = textAttentions(s.at("attention_blocks", i), tokens, text, config);
    x = fromTokens(s, seen, x);
  }
  return x;
}

/** Half the sides; the norm is of the module, the convolution of its first layer. */
function halved(s: Scope, x: Value, config: Config): Value {
  const normal = normalizedChannels(s.at("norm"), x, config, config.block_out_channels);
  // zeros at the right and at the bottom, for sides that are odd
  const options = { stride: 2, padding: [0, 0, 1, 1] as const, bias: config.use_bias };
  return conv2d(s.at("conv"), normal, options);
}

/** Twice the sides. */
function doubled(s: Scope, x: Value, config: Config): Value {
  const normal = normalizedChannels(s.at("norm"), x, config, config.block_out_channels);
  return convTranspose2d(s.at("conv"), normal, { stride: 2, bias: config.use_bias });
}

/** A normalization that is scaled and shifted by the conditioning (`AdaLayerNormContinuous`). */
function adaptive(
  s: Scope,
  x: Value,
  pooled: Value,
  normalize: (s: Scope, x: Value) => Value,
  bias: boolean,
): Value {
  const both = unsqueeze(s, linear(s.at("linear"), pooled, { bias }), [1]);
  const [scale, shift] = chunk(s, both, 2, -1) as [Value, Value]; // [N, 1, C]
  return add(s, mul(s, normalize(s.at("norm"), x), add(s, scale, 1)), shift);
}

/** A transformer layer on the tokens of the image, that look at each other and at the text. */
function layer(s: Scope, x: Value, { text, pooled }: Conditioning, config: Config): Value {
  const { num_attention_heads: heads, use_bias: bias, layer_norm_eps: eps, hidden_size } = config;
  const options = { heads, bias, outBias: bias };
  const rms = (at: Scope, value: Value) => normalized(at, value, config, hidden_size);
  const plain = (at: Scope, value: Value) =>
    layerNorm(at, value, {
      eps,
      bias,
      width: config.ln_elementwise_affine ? undefined : hidden_size,
    });
  const first = adaptive(s.at("norm1"), x, pooled, rms, bias);
  const own = sum(s, attentionLayer(s.at("attn1"), first, first, options), x);
  const second = adaptive(s.at("norm2"), own, pooled, rms, bias);
  const crossed = sum(s, attentionLayer(s.at("attn2"), second, text, options), own);
  const third = adaptive(s.at("norm3"), crossed, pooled, plain, bias);
  return sum(s, feedForward(s.at("ff"), third, { activation: "geglu", bias }), crossed);
}

/** Pooled text beside sines and cosines of the micro conditioning, as one vector [N, hidden_size]. */
function conditioningVector(s: Scope, text: Value, numbers: Value, config: Config): Value {
  const { micro_cond_encode_dim: width, micro_cond_embed_dim: all, use_bias: bias } = config;
  const waves = timestepWaves(s, reshape(s, numbers, [-1]), { width });
  const both = concat(s, [text, reshape(s, waves, [-1, all])], 1);
  return timestepEmbedding(s.at("cond_embed"), both, { bias });
}

/** Ids of tokens, some of them masked, to scores of all ids at each place. */
export const forward: GraphDefinition<UVit2DConfig> = {
  inputs: (config) => ({
    input_ids: int64("batch", "height", "width"),
    encoder_hidden_states: float32("batch", "tokens", config.encoder_hidden_size),
    pooled_text_emb: float32("batch", config.cond_embed_dim),
    micro_conds: { ...float32("batch", microConds(config)), exact: true },
  }),
  build(s, config, inputs) {
    const { block_out_channels: channels, in_channels, hidden_size, use_bias: bias } = config;

    // text
    const projected = linear(s.at("encoder_proj"), inputs.encoder_hidden_states!, { bias });
    const text = normalized(s.at("encoder_proj_layer_norm"), projected, config, hidden_size);
    const vector = conditioningVector(s, inputs.pooled_text_emb!, inputs.micro_conds!, config);
    const conditioning = { text, pooled: silu(s, vector) };

    // down
    const embed = s.at("embed");
    const embedded = embedding(embed.at("embeddings"), inputs.input_ids!); // [N, H, W, in_channels]
    const normal = normalized(embed.at("layer_norm"), embedded, config, in_channels);
    let x = conv2d(embed.at("conv"), toFirst(s, normal), { bias }); // [N, C, H, W]
    const down = s.at("down_block");
    if (config.downsample) x = halved(down.at("downsample"), x, config); // [N, C, H/2, W/2]
    x = imageBlock(down, x, conditioning, config);

    // middle
    const rows = normalized(
      s.at("project_to_hidden_norm"),
      toTokens(s, x, channels),
      config,
      channels,
    );
    let tokens = linear(s.at("project_to_hidden"), rows, { bias }); // [N, H·W, hidden_size]
    for (let i = 0; i < config.num_hidden_layers; i++) {
      tokens = layer(s.at("transformer_layers", i), tokens, conditioning, config);
    }
    const last = normalized(s.at("project_from_hidden_norm"), tokens, config, hidden_size);
    x = fromTokens(s, linear(s.at("project_from_hidden"), last, { bias }), x); // [N, C, H, W]

    // up
    const up = s.at("up_block");
    x = imageBlock(up, x, conditioning, config);
    if (config.upsample) x = doubled(up.at("upsample"), x, config);

    // scores
    const out = s.at("mlm_layer");
    const narrow = conv2d(out.at("conv1"), x, { bias });
    const even = normalizedChannels(out.at("layer_norm"), narrow, config, in_channels);
    return { logits: conv2d(out.at("conv2"), even, { bias }) }; // [N, codebook_size, H, W]
  },
};

/**
 * Flux2Transformer2DModel: the denoiser of FLUX.2 dev and klein (Black Forest Labs, 2025), a rectified-flow
 * transformer: blocks in which text and image have weights of their own (MM-DiT, arXiv:2403.03206), then
 * blocks of attention and feed forward side by side (arXiv:2302.05442) on both as one row. What the time makes of
 * them is shared by all blocks of a kind. Positions are rotary (arXiv:2104.09864).
 *
 * Reference images of the models for Flux2KleinKVPipeline attend to themselves alone, at timestep 0: `references` gives what other
 * tokens see of them, once a call. Not covered: `joint_attention_kwargs`.
 *
 * @example
 * ```ts ignore
 * import { Flux2Transformer2DModel } from "@denoise/denoise";
 *
 * const transformer = await Flux2Transformer2DModel.fromPretrained(
 *   "black-forest-labs/FLUX.2-klein-4B",
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
  headNorm,
  JOINT_STREAMS,
  jointAttention,
  modulatedNorm,
  modulation,
  type Projected,
  projectHeads,
  timestepEmbedding,
  timestepWaves,
} from "@denoise/onnx/blocks";
import type { StepCached } from "@denoise/roles";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  add,
  chunk,
  concat,
  linear,
  mul,
  reshape,
  type Rotary,
  rotaryEmbedding,
  silu,
  split,
  splitLike,
  squeeze,
  unsqueeze,
  withinFloat16,
} from "@denoise/onnx/nn";
import { check, type Flux2TransformerConfig, schema } from "./config.ts";

export type { Flux2TransformerConfig };

/** What a Flux2Transformer2DModel is given beside tokens and timestep. */
export interface Flux2TransformerOptions {
  /** States of the text, float32 [N, text tokens, joint_attention_dim]. */
  readonly encoderHiddenStates: Tensor;
  /** Coordinates of the image's tokens, float32 [tokens, axes]. */
  readonly imgIds: Tensor;
  /** Coordinates of the text's tokens, float32 [text tokens, axes]. */
  readonly txtIds: Tensor;
  /** The guidance scale for each row, for models with `guidance_embeds`. */
  readonly guidance?: number | readonly number[] | undefined;
  /** What {@linkcode Flux2Transformer2DModel.references} gives of images that are attended to. */
  readonly referenceCache?: Tensor | undefined;
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
}

/** A loaded Flux2Transformer2DModel. */
export interface Flux2Transformer2DModel extends Model<Flux2TransformerConfig>, StepCached {
  /**
   * The velocity from data to noise at each token, float32 [N, tokens, patch_size²·out_channels].
   *
   * @param hiddenStates Latents as tokens, float32 [N, tokens, in_channels].
   * @param timestep 0..1, for all rows or for each: the share of noise.
   */
  forward(
    hiddenStates: Tensor,
    timestep: number | readonly number[],
    options: Flux2TransformerOptions,
  ): Promise<{ sample: Tensor }>;
  /**
   * Keys and values of reference images in all layers (`Flux2KVCache`), float32 [2·layers, N, tokens, C]: their tokens attend
   * to each other alone, so that neither text nor time changes them.
   *
   * @param hiddenStates The images as tokens, float32 [N, tokens, in_channels].
   * @param imgIds Coordinates of the tokens, float32 [tokens, axes].
   */
  references(
    hiddenStates: Tensor,
    imgIds: Tensor,
    options?: Pick<Flux2TransformerOptions, "signal">,
  ): Promise<Tensor>;
}

type Config = FrozenConfig<Flux2TransformerConfig>;
type Inputs = Readonly<Record<string, Value>>;

/** The denoiser of FLUX.2; `Flux2Transformer2DModel` of diffusers. */
export const Flux2Transformer2DModel: ModelClass<Flux2Transformer2DModel> = defineModel<
  Flux2TransformerConfig,
  Flux2Transformer2DModel
>({
  className: "Flux2Transformer2DModel",
  schema,
  check,
  graphs: {
    forward: {
      inputs: (config) => ({
        hidden_states: float32("batch", "tokens", config.in_channels),
        encoder_hidden_states: float32("batch", "text", config.joint_attention_dim),
        timestep: timesteps(),
        img_ids: { ...float32("tokens", config.axes_dims_rope.length), exact: true },
        txt_ids: { ...float32("text", config.axes_dims_rope.length), exact: true },
        reference_cache: optional(
          float32(2 * layersOf(config), "batch", "references", widthOf(config)),
        ),
        ...(config.guidance_embeds ? { guidance: optional(timesteps()) } : {}),
      }),
      build,
    },
    references: {
      inputs: (config) => ({
        hidden_states: float32("batch", "references", config.in_channels),
        img_ids: { ...float32("references", config.axes_dims_rope.length), exact: true },
      }),
      build: buildReferences,
    },
  },
  methods: (model) => ({
    async forward(hiddenStates, timestep, options) {
      const batch = hiddenStates.dims[0]!;
      const { guidance } = options;
      const { sample } = await model.run("forward", {
        hidden_states: hiddenStates,
        encoder_hidden_states: options.encoderHiddenStates,
        timestep: timestepTensor(timestep, batch),
        img_ids: options.imgIds,
        txt_ids: options.txtIds,
        guidance: guidance === undefined ? undefined : timestepTensor(guidance, batch),
        reference_cache: options.referenceCache,
      }, { signal: options.signal });
      return { sample: sample! };
    },
    async references(hiddenStates, imgIds, { signal } = {}) {
      const given = { hidden_states: hiddenStates, img_ids: imgIds };
      return (await model.run("references", given, { signal })).reference_cache!;
    },
  }),
});

/** No linear layer has a bias. */
const PLAIN = { bias: false } as const;

function build(s: Scope, config: Config, inputs: Inputs): Inputs {
  const { img_ids, txt_ids, hidden_states, encoder_hidden_states, timestep, guidance } = inputs;
  const beside = keysAndValues(s, inputs["reference_cache"], config);
  const { rope_theta: theta, axes_dims_rope: widths, eps } = config;
  const temb = timeEmbedding(s.at("time_guidance_embed"), timestep!, guidance, config);
  const shared = (name: string, count: number) =>
    modulation(s.at(`${name}.linear`), temb, count, PLAIN);
  const double = ["txt", "img"].map((part) => shared(`double_stream_modulation_${part}`, 6));
  const single = shared("single_stream_modulation", 3);

  const rotary = rotaryEmbedding(s, concat(s, [txt_ids!, img_ids!], 0), { widths, theta });
  let text = linear(s.at("context_embedder"), encoder_hidden_states!, PLAIN); // [N, text, C]
  let image = linear(s.at("x_embedder"), hidden_states!, PLAIN); // [N, tokens, C]
  s.graph.markTimestepScale(1000);
  s.graph.markBlock([image, text]);
  for (let i = 0; i < config.num_layers; i++) {
    const block = s.at("transformer_blocks", i);
    [text, image] = doubleBlock(block, [text, image], double, {
      rotary,
      config,
      beside: beside?.[i],
    }) as [
      Value,
      Value,
    ];
    s.graph.markBlock([image, text]);
  }
  let row = concat(s, [text, image], 1);
  for (let i = 0; i < config.num_single_layers; i++) {
    const seen = beside?.[config.num_layers + i];
    row = singleBlock(s.at("single_transformer_blocks", i), row, single, {
      rotary,
      config,
      beside: seen,
    });
  }
  const [words, last] = splitLike(s, row, [text, image], 1) as [Value, Value];
  s.graph.markBlock([last, words]);
  const [scale, shift] = modulation(s.at("norm_out.linear"), temb, 2, PLAIN) as [Value, Value];
  const normal = modulatedNorm(s, last, [scale, shift], { width: widthOf(config), eps });
  return { sample: linear(s.at("proj_out"), normal, PLAIN) };
}

/** The layers on reference images alone, as the transformer is at timestep 0 (`kv_cache_mode` "extract"). */
function buildReferences(s: Scope, config: Config, { hidden_states, img_ids }: Inputs): Inputs {
  const { rope_theta: theta, axes_dims_rope: widths } = config;
  const none = reshape(s, s.scalar(0), [1]);
  const temb = timeEmbedding(
    s.at("time_guidance_embed"),
    none,
    undefined,
    config,
  );
  const shared = (name: string, count: number) =>
    modulation(s.at(`${name}.linear`), temb, count, PLAIN);
  const double = shared("double_stream_modulation_img", 6);
  const single = shared("single_stream_modulation", 3);
  const kept: Value[] = [];
  const facts = {
    ...{ config, rotary: rotaryEmbedding(s, img_ids!, { widths, theta }) },
    keep: ({ key, value }: KeyAndValue) => void kept.push(key, value),
  };
  let row = linear(s.at("x_embedder"), hidden_states!, PLAIN);
  for (let i = 0; i < config.num_layers; i++) {
    [row] = doubleBlock(s.at("transformer_blocks", i), [row], [double], facts) as [Value];
  }
  for (let i = 0; i < config.num_single_layers; i++) {
    row = singleBlock(s.at("single_transformer_blocks", i), row, single, facts);
  }
  return {
    reference_cache: concat(s, kept.map((one) => unsqueeze(s, s.cast(one, "float32"), [0])), 0),
  };
}

/** What all blocks are given. */
interface BlockFacts {
  readonly rotary: Rotary;
  readonly config: Config;
  readonly beside?: KeyAndValue | undefined;
  readonly keep?: (kept: KeyAndValue) => void;
}

type KeyAndValue = Pick<Projected, "key" | "value">;

/** The keys and values of each layer. */
function keysAndValues(
  s: Scope,
  cache: Value | undefined,
  config: Config,
): KeyAndValue[] | undefined {
  if (cache === undefined) return undefined;
  const count = 2 * layersOf(config);
  const all = split(s, s.cast(cache), Array<number>(count).fill(1), 0)
    .map((one) => squeeze(s, one, [0]));
  return Array.from({ length: layersOf(config) }, (_, i) => ({
    key: all[2 * i]!,
    value: all[2 * i + 1]!,
  }));
}

/** How many blocks there are. */
function layersOf(
  { num_layers, num_single_layers }: Pick<
    Flux2TransformerConfig,
    "num_layers" | "num_single_layers"
  >,
) {
  return num_layers + num_single_layers;
}

/** Timestep and guidance scale as one vector, [N, C] (`Flux2TimestepGuidanceEmbeddings`). */
function timeEmbedding(
  s: Scope,
  timestep: Value,
  guidance: Value | undefined,
  { timestep_guidance_channels: width }: Config,
): Value {
  const embedded = (name: string, of: Value) => {
    const waves = timestepWaves(s, mul(s, of, 1000), { width });
    return timestepEmbedding(s.at(name), waves, PLAIN);
  };
  const time = embedded("timestep_embedder", timestep);
  return guidance === undefined ? time : add(s, time, embedded("guidance_embedder", guidance));
}

/** Channels of a token inside. */
function widthOf(
  { num_attention_heads, attention_head_dim }: Pick<
    Flux2TransformerConfig,
    "num_attention_heads" | "attention_head_dim"
  >,
): number {
  return num_attention_heads * attention_head_dim;
}

/** Names of the feed forwards of text and image. */
const FEED_FORWARDS = ["ff_context", "ff"] as const;

/**
 * Text and image attend to each other, each with weights of its own (`Flux2TransformerBlock`); an image alone has
 * the weights of the image.
 */
function doubleBlock(
  s: Scope,
  streams: readonly Value[],
  modulations: readonly (readonly Value[])[],
  { rotary, config, beside, keep }: BlockFacts,
): Value[] {
  const parts = JOINT_STREAMS.slice(-streams.length);
  const feedForwards = FEED_FORWARDS.slice(-streams.length);
  const attn = s.at("attn");
  const { num_attention_heads: heads, eps } = config;
  const norm = { width: widthOf(config), eps };
  const projected = parts.map(({ names, norms }, i) => {
    const [shift, scale] = modulations[i]! as [Value, Value];
    const normal = modulatedNorm(s, streams[i]!, [scale, shift], norm);
    return projectHeads(attn, normal, { heads, names, norms, eps, ...PLAIN });
  });
  const attended = jointAttention(attn, projected, { heads, rotary, beside, keep });
  const made = parts.map(({ out }, i) => linear(attn.at(out), attended[i]!, PLAIN));
  s.graph.markModule(attn.path, made);
  return parts.map((_, i) => {
    const [, , gate, shift, scale, gateFf] = modulations[i]! as Value[];
    const x = add(s, streams[i]!, mul(s, gate!, made[i]!));
    const normal = modulatedNorm(s, x, [scale!, shift!], norm);
    const hidden = gated(s, linear(s.at(feedForwards[i]!, "linear_in"), normal, PLAIN));
    const fed = linear(s.at(feedForwards[i]!, "linear_out"), hidden, PLAIN);
    return withinFloat16(s, add(s, x, mul(s, gateFf!, fed)));
  });
}

/** Attention and feed forward side by side on one row of tokens (`Flux2SingleTransformerBlock`). */
function singleBlock(
  s: Scope,
  x: Value,
  [shift, scale, gate]: readonly Value[],
  { rotary, config, beside, keep }: BlockFacts,
): Value {
  const { num_attention_heads: heads, eps, mlp_ratio } = config;
  const width = widthOf(config);
  const attn = s.at("attn");
  const normal = modulatedNorm(s, x, [scale!, shift!], { width, eps });
  const inside = linear(attn.at("to_qkv_mlp_proj"), normal, PLAIN);
  const parts = [width, width, width, 2 * Math.trunc(width * mlp_ratio)];
  const [query, key, value, hidden] = split(s, inside, parts, -1) as [Value, Value, Value, Value];
  const projected: Projected = {
    query: headNorm(attn.at("norm_q"), query, { heads, eps }),
    key: headNorm(attn.at("norm_k"), key, { heads, eps }),
    value,
  };
  const [seen] = jointAttention(attn, [projected], { heads, rotary, beside, keep }) as [Value];
  const out = linear(attn.at("to_out"), concat(s, [seen, gated(s, hidden)], -1), PLAIN);
  s.graph.markModule(attn.path, [out]);
  return withinFloat16(s, add(s, x, mul(s, gate!, out)));
}

/** silu(first half)·second half (`Flux2SwiGLU`). */
function gated(s: Scope, x: Value): Value {
  const [gate, hidden] = chunk(s, x, 2, -1) as [Value, Value];
  return mul(s, silu(s, gate), hidden);
}

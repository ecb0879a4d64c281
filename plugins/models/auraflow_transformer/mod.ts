/**
 * AuraFlowTransformer2DModel: the denoiser of AuraFlow (fal, 2024): a few blocks in which text and image have
 * weights of their own and attend to each other, then blocks on both as one row. Learned register tokens
 * (arXiv:2309.16588) stand before the text; positions are a learned table, of which the middle is cut out.
 *
 * Not covered: `attention_kwargs`.
 *
 * @example
 * ```ts ignore
 * import { AuraFlowTransformer2DModel } from "@denoise/denoise";
 *
 * const transformer = await AuraFlowTransformer2DModel.fromPretrained("fal/AuraFlow-v0.3", {
 *   subfolder: "transformer",
 * });
 * console.log(transformer.config.num_single_dit_layers);
 * ```
 *
 * @module
 */
import type { FrozenConfig, Model, ModelClass, Tensor } from "@denoise/core";
import { defineModel, float32, timesteps, timestepTensor } from "@denoise/onnx";
import {
  croppedPositions,
  gatedFeedForward,
  jointAttention,
  modulate,
  modulatedNorm,
  modulation,
  type Projected,
  projectHeads,
  timestepEmbedding,
  timestepWaves,
  unpatchify,
} from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  add,
  concat,
  expand,
  layerNorm,
  linear,
  mul,
  reshape,
  shapeOf,
  splitLike,
  toTokens,
} from "@denoise/onnx/nn";
import { type AuraFlowTransformerConfig, schema } from "./config.ts";

export type { AuraFlowTransformerConfig };

/** What an AuraFlowTransformer2DModel is given beside latents and timestep. */
export interface AuraFlowTransformerOptions {
  /** States of the text, float32 [N, text tokens, joint_attention_dim]. */
  readonly encoderHiddenStates: Tensor;
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
}

/** A loaded AuraFlowTransformer2DModel. */
export interface AuraFlowTransformer2DModel extends Model<AuraFlowTransformerConfig> {
  /**
   * The velocity from data to noise, float32 [N, out_channels, h, w].
   *
   * @param hiddenStates Latents, float32 [N, in_channels, h, w]; sides are multiples of patch_size.
   * @param timestep 0..1, for all rows or for each: the share of noise.
   */
  forward(
    hiddenStates: Tensor,
    timestep: number | readonly number[],
    options: AuraFlowTransformerOptions,
  ): Promise<{ sample: Tensor }>;
}

type Config = FrozenConfig<AuraFlowTransformerConfig>;
type Inputs = Readonly<Record<string, Value>>;

/** The denoiser of AuraFlow; `AuraFlowTransformer2DModel` of diffusers. */
export const AuraFlowTransformer2DModel: ModelClass<AuraFlowTransformer2DModel> = defineModel<
  AuraFlowTransformerConfig,
  AuraFlowTransformer2DModel
>({
  className: "AuraFlowTransformer2DModel",
  schema,
  graphs: {
    forward: {
      inputs: (config) => ({
        hidden_states: float32("batch", config.in_channels, "height", "width"),
        encoder_hidden_states: float32("batch", "text", config.joint_attention_dim),
        timestep: timesteps(),
      }),
      build,
    },
  },
  methods: (model) => ({
    async forward(hiddenStates, timestep, { encoderHiddenStates, signal }) {
      const { patch_size: patch, pos_embed_max_size } = model.config;
      const most = Math.floor(Math.sqrt(pos_embed_max_size));
      const sides = hiddenStates.dims.slice(2);
      if (!sides.every((side) => side % patch === 0 && side / patch <= most)) {
        throw new RangeError(
          `Cannot denoise latents of ${sides.join(" x ")}: each side must be a multiple of ` +
            `${patch} and at most ${patch * most}`,
        );
      }
      const { sample } = await model.run("forward", {
        hidden_states: hiddenStates,
        encoder_hidden_states: encoderHiddenStates,
        timestep: timestepTensor(timestep, hiddenStates.dims[0]!),
      }, { signal });
      return { sample: sample! };
    },
  }),
});

/** Of all layer normalizations. */
const EPS = 1e-5;

function widthOf({ num_attention_heads, attention_head_dim }: Config): number {
  return num_attention_heads * attention_head_dim;
}

function build(s: Scope, config: Config, inputs: Inputs): Inputs {
  const { hidden_states, encoder_hidden_states, timestep } = inputs;
  const { patch_size: patch, in_channels, out_channels } = config;
  const waves = timestepWaves(s, timestep!, { scale: 1000 });
  const temb = timestepEmbedding(s.at("time_step_proj"), waves);
  const embed = s.at("pos_embed");
  const size = Math.floor(Math.sqrt(config.pos_embed_max_size));
  const places = croppedPositions(s, embed.tensor("pos_embed"), hidden_states!, {
    ...{ patch, size, from: "middle" },
  });
  let image = add(s, linear(embed.at("proj"), patches(s, hidden_states!, config)), places);
  const caption = linear(s.at("context_embedder"), encoder_hidden_states!, { bias: false });
  let text = concat(s, [registers(s, caption), caption], 1);
  for (let i = 0; i < config.num_mmdit_layers; i++) {
    [text, image] = jointBlock(s.at("joint_transformer_blocks", i), [text, image], temb, config);
  }
  let row = concat(s, [text, image], 1);
  for (let i = 0; i < config.num_single_dit_layers; i++) {
    row = singleBlock(s.at("single_transformer_blocks", i), row, temb, config);
  }
  const [, last] = splitLike(s, row, [text, image], 1) as [Value, Value];
  const [scale, shift] = modulation(s.at("norm_out.linear"), temb, 2, { bias: false }) as [
    Value,
    Value,
  ];
  const out = linear(s.at("proj_out"), modulate(s, last, scale, shift), { bias: false });
  const channels = out_channels ?? in_channels;
  return { sample: unpatchify(s, out, hidden_states!, { patch, channels }) };
}

/** Latents as tokens, those of a channel together: [N, C, H, W] to [N, h·w, C·patch²]. */
function patches(s: Scope, x: Value, { patch_size: patch, in_channels }: Config): Value {
  const deep = s.op("SpaceToDepth", [x], { blocksize: patch }); // places first, then channels
  const places = patch ** 2;
  const order = Array.from(
    { length: places * in_channels },
    (_, i) => (i % places) * in_channels + Math.floor(i / places),
  );
  const sorted = s.op("Gather", [deep, s.ints(order)], { axis: 1 }, { dtype: deep.dtype });
  return toTokens(s, sorted, places * in_channels);
}

/** The learned tokens before a text, for each row. */
function registers(s: Scope, text: Value): Value {
  const tokens = s.tensor("register_tokens"); // [1, 8, C]
  return expand(s, tokens, concat(s, [shapeOf(s, text, 0, 1), s.ints([1, 1])], 0));
}

/** Queries, keys and values, queries and keys normalized by layer normalizations without weights. */
function heads(s: Scope, x: Value, names: [string, string, string], config: Config): Projected {
  const { num_attention_heads: count, attention_head_dim: width } = config;
  const projected = projectHeads(s, x, { heads: count, names, bias: false, norms: null });
  const normal = (of: Value) => {
    const split = reshape(s, of, [0, 0, count, width]);
    return reshape(s, layerNorm(s, split, { width, eps: EPS }), [0, 0, -1]);
  };
  return { ...projected, query: normal(projected.query), key: normal(projected.key) };
}

const FEED = { names: ["linear_1", "linear_2", "out_projection"] } as const;

/** What follows attention: the sum is normalized, fed forward, and added to what was there before. */
function afterAttention(
  s: Scope,
  name: string,
  { x, seen, time, width }: {
    readonly x: Value;
    readonly seen: Value;
    readonly time: readonly Value[];
    readonly width: number;
  },
): Value {
  const [, , gate, shift, scale, gateFf] = time as [Value, Value, Value, Value, Value, Value];
  const sum = add(s, x, mul(s, gate, seen));
  const normal = modulatedNorm(s, sum, [scale, shift], { width, eps: EPS });
  return add(s, x, mul(s, gateFf, gatedFeedForward(s.at(name), normal, FEED)));
}

/** Text and image attend to each other, each with weights of its own (`AuraFlowJointTransformerBlock`). */
function jointBlock(
  s: Scope,
  [text, image]: readonly [text: Value, image: Value],
  temb: Value,
  config: Config,
): [text: Value, image: Value] {
  const width = widthOf(config);
  const attn = s.at("attn");
  const [textTime, imageTime] = ["norm1_context", "norm1"].map((name) =>
    modulation(s.at(`${name}.linear`), temb, 6, { bias: false })
  ) as [Value[], Value[]];
  const normal = (x: Value, [shift, scale]: readonly Value[]) =>
    modulatedNorm(s, x, [scale!, shift!], { width, eps: EPS });
  const [textSeen, seen] = jointAttention(attn, [
    heads(attn, normal(text, textTime), ["add_q_proj", "add_k_proj", "add_v_proj"], config),
    heads(attn, normal(image, imageTime), ["to_q", "to_k", "to_v"], config),
  ], { heads: config.num_attention_heads }) as [Value, Value];
  return [
    afterAttention(s, "ff_context", {
      ...{ x: text, time: textTime, width },
      seen: linear(attn.at("to_add_out"), textSeen, { bias: false }),
    }),
    afterAttention(s, "ff", {
      ...{ x: image, time: imageTime, width },
      seen: linear(attn.at("to_out.0"), seen, { bias: false }),
    }),
  ];
}

/** The same on one row of tokens (`AuraFlowSingleTransformerBlock`). */
function singleBlock(s: Scope, x: Value, temb: Value, config: Config): Value {
  const width = widthOf(config);
  const attn = s.at("attn");
  const time = modulation(s.at("norm1.linear"), temb, 6, { bias: false });
  const normal = modulatedNorm(s, x, [time[1]!, time[0]!], { width, eps: EPS });
  const [seen] = jointAttention(attn, [heads(attn, normal, ["to_q", "to_k", "to_v"], config)], {
    heads: config.num_attention_heads,
  }) as [Value];
  const attended = linear(attn.at("to_out.0"), seen, { bias: false });
  return afterAttention(s, "ff", { x, seen: attended, time, width });
}

/**
 * ChromaTransformer2DModel: the denoiser of Chroma (Lodestone Rock, 2025), FLUX.1's blocks, whose
 * modulations are all made by one small network of the time and their numbers, without pooled text and
 * guidance.
 *
 * Not covered: `controlnet_block_samples`, `ip_adapter_image_embeds`.
 *
 * @example
 * ```ts ignore
 * import { ChromaTransformer2DModel } from "@denoise/denoise";
 *
 * const transformer = await ChromaTransformer2DModel.fromPretrained("lodestones/Chroma1-HD", {
 *   subfolder: "transformer",
 * });
 * console.log(transformer.config.num_layers);
 * ```
 *
 * @module
 */
import type { FrozenConfig, Model, ModelClass, Tensor } from "@denoise/core";
import { defineModel, float32, optional, timesteps, timestepTensor } from "@denoise/onnx";
import type { StepCached } from "@denoise/roles";
import { fluxBlocks, modulatedNorm, timestepWaves } from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  add,
  concat,
  expand,
  linear,
  mul,
  rmsNorm,
  rotaryEmbedding,
  shapeOf,
  silu,
  split,
  unsqueeze,
} from "@denoise/onnx/nn";
import { type ChromaTransformerConfig, schema } from "./config.ts";

export type { ChromaTransformerConfig };

/** What a ChromaTransformer2DModel is given beside tokens and timestep. */
export interface ChromaTransformerOptions {
  /** States of the text, float32 [N, text tokens, joint_attention_dim]. */
  readonly encoderHiddenStates: Tensor;
  /** Coordinates of the image's tokens, float32 [tokens, axes]. */
  readonly imgIds: Tensor;
  /** Coordinates of the text's tokens, float32 [text tokens, axes]. */
  readonly txtIds: Tensor;
  /**
   * Which tokens count, 1 or 0, the text's first, float32 [N, text tokens + tokens]. As in diffusers, the
   * product of two tokens' numbers is added to the score of their attention.
   */
  readonly attentionMask?: Tensor | undefined;
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
}

/** A loaded ChromaTransformer2DModel. */
export interface ChromaTransformer2DModel extends Model<ChromaTransformerConfig>, StepCached {
  /**
   * The velocity from data to noise at each token, float32 [N, tokens, patch_size²·out_channels].
   *
   * @param hiddenStates Packed latents, float32 [N, tokens, in_channels].
   * @param timestep 0..1, for all rows or for each: the share of noise.
   */
  forward(
    hiddenStates: Tensor,
    timestep: number | readonly number[],
    options: ChromaTransformerOptions,
  ): Promise<{ sample: Tensor }>;
}

type Config = FrozenConfig<ChromaTransformerConfig>;
type Inputs = Readonly<Record<string, Value>>;

/** The denoiser of Chroma; `ChromaTransformer2DModel` of diffusers. */
export const ChromaTransformer2DModel: ModelClass<ChromaTransformer2DModel> = defineModel<
  ChromaTransformerConfig,
  ChromaTransformer2DModel
>({
  className: "ChromaTransformer2DModel",
  schema,
  graphs: {
    forward: {
      inputs: (config) => ({
        hidden_states: float32("batch", "tokens", config.in_channels),
        encoder_hidden_states: float32("batch", "text", config.joint_attention_dim),
        timestep: timesteps(),
        img_ids: { ...float32("tokens", config.axes_dims_rope.length), exact: true },
        txt_ids: { ...float32("text", config.axes_dims_rope.length), exact: true },
        attention_mask: optional(float32("batch", "all")),
      }),
      build,
    },
  },
  methods: (model) => ({
    async forward(hiddenStates, timestep, options) {
      const { sample } = await model.run("forward", {
        hidden_states: hiddenStates,
        encoder_hidden_states: options.encoderHiddenStates,
        timestep: timestepTensor(timestep, hiddenStates.dims[0]!),
        img_ids: options.imgIds,
        txt_ids: options.txtIds,
        attention_mask: options.attentionMask,
      }, { signal: options.signal });
      return { sample: sample! };
    },
  }),
});

function build(s: Scope, config: Config, inputs: Inputs): Inputs {
  const { img_ids, txt_ids, hidden_states, encoder_hidden_states, attention_mask } = inputs;
  const { num_layers: double, num_single_layers: single, num_attention_heads: heads } = config;
  const width = heads * config.attention_head_dim;
  const vectors = modulations(s, config, inputs.timestep!);
  const ids = concat(s, [txt_ids!, img_ids!], 0);
  const text = linear(s.at("context_embedder"), encoder_hidden_states!); // [N, text, C]
  const image = linear(s.at("x_embedder"), hidden_states!); // [N, tokens, C]
  const last = fluxBlocks(s, [text, image], {
    ...{ double, single, heads, width },
    rotary: rotaryEmbedding(s, ids, { widths: config.axes_dims_rope }),
    bias: attention_mask && mul(
      s,
      unsqueeze(s, attention_mask, [1, 2]),
      unsqueeze(s, attention_mask, [1, 3]),
    ),
    // those of single blocks come first, then all of images, then all of texts
    singleModulation: (_, i) => vectors.slice(3 * i, 3 * i + 3),
    doubleModulation(_, i) {
      const [image, text] = [0, double].map((before) => 3 * single + 6 * (before + i));
      return [vectors.slice(text, text! + 6), vectors.slice(image, image! + 6)];
    },
  });
  const [shift, scale] = vectors.slice(-2) as [Value, Value];
  const normal = modulatedNorm(s, last, [scale, shift], { width });
  return { sample: linear(s.at("proj_out"), normal) };
}

/** All vectors that shift, scale and gate, each [N, 1, C] (`ChromaApproximator`). */
function modulations(s: Scope, config: Config, timestep: Value): Value[] {
  const count = 3 * config.num_single_layers + 12 * config.num_layers + 2;
  const width = Math.floor(config.approximator_num_channels / 4);
  const time = unsqueeze(s, timestepWaves(s, mul(s, timestep, 1000), { width }), [1]); // [N, 1, c]
  const guidance = unsqueeze(s, timestepWaves(s, mul(s, timestep, 0), { width }), [1]); // that of the scale 0
  const numbers = Float32Array.from({ length: count }, (_, i) => 1000 * i);
  const every = s.graph.floats(numbers, [count], "float32");
  const places = timestepWaves(s, every, { width: 2 * width }); // [count, 2c]
  const batch = shapeOf(s, time, 0, 1);
  const of = (x: Value, last: number) => expand(s, x, concat(s, [batch, s.ints([count, last])], 0)); // [N, count, last]
  const input = concat(s, [
    of(time, width),
    of(guidance, width),
    of(unsqueeze(s, places, [0]), 2 * width),
  ], 2);
  const approximator = s.at("distilled_guidance_layer");
  let x = linear(approximator.at("in_proj"), input);
  for (let i = 0; i < config.approximator_layers; i++) {
    const layer = approximator.at("layers", i);
    const normal = rmsNorm(approximator.at("norms", i), x, { eps: EPSILON });
    x = add(s, x, linear(layer.at("linear_2"), silu(s, linear(layer.at("linear_1"), normal))));
  }
  return split(s, linear(approximator.at("out_proj"), x), Array(count).fill(1), 1);
}

/** Of torch's RMSNorm where none is given: the precision of float32. */
const EPSILON = 2 ** -23;

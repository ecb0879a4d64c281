/**
 * DiTTransformer2DModel: the denoiser of DiT (Peebles and Xie, 2022, arXiv:2212.09748), a transformer on the
 * latents of an image of a class, which shifts, scales and gates each block.
 *
 * Not covered: `cross_attention_kwargs`, normalizations with weights.
 *
 * @example
 * ```ts ignore
 * import { DiTTransformer2DModel } from "@denoise/denoise";
 *
 * const transformer = await DiTTransformer2DModel.fromPretrained("facebook/DiT-XL-2-256", {
 *   subfolder: "transformer",
 * });
 * console.log(transformer.config.num_layers);
 * ```
 *
 * @module
 */
import type { FrozenConfig, Model, ModelClass, Tensor } from "@denoise/core";
import { defineModel, float32, int64, timesteps, timestepTensor } from "@denoise/onnx";
import {
  attentionLayer,
  feedForward,
  gridPositions,
  modulatedNorm,
  modulation,
  timestepEmbedding,
  unpatchify,
} from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  add,
  conv2d,
  embedding,
  linear,
  mul,
  sinusoidalEmbedding,
  toTokens,
} from "@denoise/onnx/nn";
import { check, type DiTTransformerConfig, schema } from "./config.ts";

export type { DiTTransformerConfig };

/** What a DiTTransformer2DModel is given beside latents and timestep. */
export interface DiTTransformerOptions {
  /** The class of each row, int64 [N]; the number of classes stands for none. */
  readonly classLabels: Tensor;
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
}

/** A loaded DiTTransformer2DModel. */
export interface DiTTransformer2DModel extends Model<DiTTransformerConfig> {
  /**
   * What the model predicts, float32 [N, out_channels, s, s].
   *
   * @param hiddenStates Latents, float32 [N, in_channels, s, s]; s is a multiple of patch_size.
   * @param timestep For all rows or for each.
   */
  forward(
    hiddenStates: Tensor,
    timestep: number | readonly number[],
    options: DiTTransformerOptions,
  ): Promise<{ sample: Tensor }>;
}

type Config = FrozenConfig<DiTTransformerConfig>;
type Inputs = Readonly<Record<string, Value>>;

/** The denoiser of DiT; `DiTTransformer2DModel` of diffusers. */
export const DiTTransformer2DModel: ModelClass<DiTTransformer2DModel> = defineModel<
  DiTTransformerConfig,
  DiTTransformer2DModel
>({
  className: "DiTTransformer2DModel",
  schema,
  check,
  graphs: {
    forward: {
      inputs: (config) => ({
        hidden_states: float32("batch", config.in_channels, "height", "width"),
        timestep: timesteps(),
        class_labels: int64("batch"),
        positions: { ...float32(1, "tokens", widthOf(config)), exact: true },
      }),
      build,
    },
  },
  methods: (model) => ({
    async forward(hiddenStates, timestep, { classLabels, signal }) {
      const { patch_size: patch, sample_size, num_embeds_ada_norm: classes } = model.config;
      const [height, width] = hiddenStates.dims.slice(2) as [number, number];
      if (height !== width || height % patch !== 0) {
        throw new RangeError(
          `Cannot denoise latents of ${height} x ${width}: they must be square, of a side that is a ` +
            `multiple of ${patch}`,
        );
      }
      const unknown = Array.from(classLabels.data, Number).find((label) =>
        !(label >= 0 && label <= classes)
      );
      if (unknown !== undefined) {
        throw new RangeError(
          `Cannot denoise for class ${unknown}: classes are counted from 0 to ${
            classes - 1
          }, and ` +
            `${classes} is none`,
        );
      }
      const { sample } = await model.run("forward", {
        hidden_states: hiddenStates,
        timestep: timestepTensor(timestep, hiddenStates.dims[0]!),
        class_labels: classLabels,
        positions: gridPositions(height / patch, width / patch, {
          ...{ width: widthOf(model.config), base: Math.floor(sample_size / patch) },
        }),
      }, { signal });
      return { sample: sample! };
    },
  }),
});

/** Channels of a token inside. */
function widthOf({ num_attention_heads, attention_head_dim }: Config): number {
  return num_attention_heads * attention_head_dim;
}

function build(s: Scope, config: Config, inputs: Inputs): Inputs {
  const { hidden_states, positions } = inputs;
  const { patch_size: patch, in_channels, out_channels } = config;
  const width = widthOf(config);
  const embedded = conv2d(s.at("pos_embed.proj"), hidden_states!, { stride: patch });
  let x = add(s, toTokens(s, embedded, width), s.cast(positions!)); // [N, tokens, C]
  for (let i = 0; i < config.num_layers; i++) {
    x = block(s.at("transformer_blocks", i), x, config, inputs);
  }
  const first = timeAndClass(s.at("transformer_blocks.0.norm1.emb"), inputs);
  const [shift, scale] = modulation(s.at("proj_out_1"), first, 2) as [Value, Value];
  const out = linear(s.at("proj_out_2"), modulatedNorm(s, x, [scale, shift], { width }));
  const channels = out_channels ?? in_channels;
  return { sample: unpatchify(s, out, hidden_states!, { patch, channels }) };
}

/** Timestep and class as one vector, [N, C] (`CombinedTimestepLabelEmbeddings`). */
function timeAndClass(s: Scope, { timestep, class_labels }: Inputs): Value {
  const waves = sinusoidalEmbedding(s, timestep!, { width: 256, flipSinToCos: true });
  const time = timestepEmbedding(s.at("timestep_embedder"), waves);
  return add(s, time, embedding(s.at("class_embedder.embedding_table"), class_labels!));
}

/** `BasicTransformerBlock` with `ada_norm_zero`. */
function block(s: Scope, x: Value, config: Config, inputs: Inputs): Value {
  const width = widthOf(config);
  const embedded = timeAndClass(s.at("norm1.emb"), inputs);
  const [shift, scale, gate, shiftFf, scaleFf, gateFf] = modulation(
    s.at("norm1.linear"),
    embedded,
    6,
  ) as [Value, Value, Value, Value, Value, Value];
  const normal = modulatedNorm(s, x, [scale, shift], { width });
  const attended = attentionLayer(s.at("attn1"), normal, normal, {
    heads: config.num_attention_heads,
    bias: config.attention_bias,
  });
  const seen = add(s, x, mul(s, gate, attended));
  const second = modulatedNorm(s, seen, [scaleFf, shiftFf], { width, eps: config.norm_eps });
  const fed = feedForward(s.at("ff"), second, { activation: config.activation_fn });
  return add(s, seen, mul(s, gateFf, fed));
}

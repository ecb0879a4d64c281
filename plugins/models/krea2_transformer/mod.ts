/**
 * Krea2Transformer2DModel: the denoiser of Krea 2 (Krea AI, 2026), a rectified-flow transformer on one row of tokens:
 * those of the text, then those of the image. Of each token of the text it is given the states of several layers of a
 * language model, which a small transformer of its own makes one of. Keys and values are shared by groups of heads,
 * what a head sees is gated, and all blocks are modulated by one vector of the time, to which each adds a table.
 * Positions are rotary over three axes (arXiv:2104.09864).
 *
 * Not covered: `attention_kwargs`.
 *
 * @example
 * ```ts ignore
 * import { Krea2Transformer2DModel } from "@denoise/denoise";
 *
 * const transformer = await Krea2Transformer2DModel.fromPretrained("krea/Krea-2-Turbo", {
 *   subfolder: "transformer",
 * });
 * console.log(transformer.config.num_layers);
 * ```
 *
 * @module
 */
import { type FrozenConfig, type Model, type ModelClass, Tensor } from "@denoise/core";
import {
  defineModel,
  float32,
  pickRows,
  runByTextLength,
  timesteps,
  timestepTensor,
} from "@denoise/onnx";
import {
  gatedFeedForward,
  jointAttention,
  modulate,
  projectHeads,
  repeatHeads,
  tableModulation,
  timestepEmbedding,
  timestepWaves,
} from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  add,
  concat,
  gelu,
  linear,
  mul,
  reshape,
  reshapeLike,
  rmsNorm,
  type Rotary,
  rotaryEmbedding,
  sigmoid,
  splitLike,
  squeeze,
  transpose,
  unsqueeze,
} from "@denoise/onnx/nn";
import { check, type Krea2TransformerConfig, schema } from "./config.ts";

export type { Krea2TransformerConfig };

/** What a Krea2Transformer2DModel is given beside tokens and timestep. */
export interface Krea2TransformerOptions {
  /** States of the text of each row, float32 [text tokens, num_text_layers, text_hidden_dim]; lengths may differ. */
  readonly encoderHiddenStates: readonly Tensor[];
  /** Coordinates of the tokens of the image, float32 [tokens, 3]: zero, row, column. */
  readonly imgIds: Tensor;
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
}

/** A loaded Krea2Transformer2DModel. */
export interface Krea2Transformer2DModel extends Model<Krea2TransformerConfig> {
  /**
   * The velocity from data to noise at each token, float32 [N, tokens, in_channels]. Rows whose texts are equally
   * long are computed together; padding, which diffusers masks, is left out.
   *
   * @param hiddenStates Packed latents, float32 [N, tokens, in_channels].
   * @param timestep 0..1, for all rows or for each: the share of noise.
   * @throws {TypeError} for texts or coordinates that do not go with the tokens.
   */
  forward(
    hiddenStates: Tensor,
    timestep: number | readonly number[],
    options: Krea2TransformerOptions,
  ): Promise<{ sample: Tensor }>;
}

type Config = FrozenConfig<Krea2TransformerConfig>;
type Inputs = Readonly<Record<string, Value>>;

/** Weights of normalizations, which stay float32 (`_keep_in_fp32_modules`). */
const NORM = /\.norm(?:1|2|_q|_k)?\.weight$/;

/** The denoiser of Krea 2; `Krea2Transformer2DModel` of diffusers. */
export const Krea2Transformer2DModel: ModelClass<Krea2Transformer2DModel> = defineModel<
  Krea2TransformerConfig,
  Krea2Transformer2DModel
>({
  className: "Krea2Transformer2DModel",
  schema,
  check,
  keepInFloat32: (name) => NORM.test(name),
  graphs: {
    forward: {
      inputs: (config) => ({
        hidden_states: float32("batch", "tokens", config.in_channels),
        encoder_hidden_states: float32(
          "batch",
          "text",
          config.num_text_layers,
          config.text_hidden_dim,
        ),
        timestep: timesteps(),
        position_ids: { ...float32("all tokens", 3), exact: true },
      }),
      build,
    },
  },
  methods: (model) => ({
    async forward(hiddenStates, timestep, options) {
      const { encoderHiddenStates, imgIds, signal } = options;
      checkCall(hiddenStates, options);
      const times = timestepTensor(timestep, hiddenStates.dims[0]!);
      const { sample } = await runByTextLength(
        encoderHiddenStates,
        (rows, texts) =>
          model.run("forward", {
            hidden_states: pickRows(hiddenStates, rows),
            encoder_hidden_states: texts,
            timestep: pickRows(times, rows),
            position_ids: Tensor.cat([Tensor.zeros([texts.dims[1]!, 3]), imgIds]),
          }, { signal }),
      );
      return { sample: sample! };
    },
  }),
});

function checkCall(
  { dims }: Tensor,
  { encoderHiddenStates: texts, imgIds }: Krea2TransformerOptions,
): void {
  if (imgIds.dims.length !== 2 || imgIds.dims[0] !== dims[1] || imgIds.dims[1] !== 3) {
    throw new TypeError(
      `Cannot run Krea2Transformer2DModel: imgIds must be float32 [${
        dims[1]
      }, 3], three for each token, but ` +
        `are [${imgIds.dims.join(", ")}]`,
    );
  }
  if (texts.length === dims[0]) return;
  throw new TypeError(
    `Cannot run Krea2Transformer2DModel: there are ${texts.length} texts for ${dims[0]} rows of ` +
      "tokens; give one for each",
  );
}

function build(s: Scope, config: Config, inputs: Inputs): Inputs {
  const { hidden_states, encoder_hidden_states, timestep, position_ids } = inputs;
  const { norm_eps: eps, rope_theta: theta, axes_dims_rope: widths } = config;
  const waves = timestepWaves(s, mul(s, timestep!, 1000), { width: config.timestep_embed_dim });
  const temb = timestepEmbedding(s.at("time_embed"), waves, { activation: "gelu_pytorch_tanh" });
  const vector = linear(s.at("time_mod_proj"), gelu(s, temb, "tanh")); // [N, 6·C]
  const time = reshape(s, vector, [0, 6, -1]); // [N, 6, C]
  const fused = fuseText(s.at("text_fusion"), encoder_hidden_states!, config);
  const text = projectText(s.at("txt_in"), fused, eps); // [N, text, C]
  const image = linear(s.at("img_in"), hidden_states!); // [N, tokens, C]
  const rotary = rotaryEmbedding(s, position_ids!, { widths, theta });
  let row = concat(s, [text, image], 1);
  for (let i = 0; i < config.num_layers; i++) {
    row = block(s.at("transformer_blocks", i), row, { time, rotary, config });
  }
  const [, last] = splitLike(s, row, [text, image], 1) as [Value, Value];
  const final = s.at("final_layer");
  const [scale, shift] = tableModulation(final, unsqueeze(s, temb, [1]), 2) as [Value, Value];
  const normal = modulate(final, norm(final.at("norm"), last, eps), scale, shift);
  return { sample: linear(final.at("linear"), normal) };
}

/** Multiplied with 1 + `weight`, in float32 (`Krea2RMSNorm`). */
function norm(s: Scope, x: Value, eps: number): Value {
  return s.cast(rmsNorm(s.exact(), x, { eps, plusOne: true }));
}

/** Of several states of each token one, which then attend to each other (`Krea2TextFusion`). */
function fuseText(s: Scope, states: Value, config: Config): Value {
  const { num_text_layers: layers, text_hidden_dim: width } = config;
  let x = reshape(s, states, [-1, layers, width]); // [N·text, layers, D]
  for (let i = 0; i < config.num_layerwise_text_blocks; i++) {
    x = textBlock(s.at("layerwise_blocks", i), x, config);
  }
  const turned = transpose(s, reshapeLike(s, x, states), [0, 1, 3, 2]); // [N, text, D, layers]
  let fused = squeeze(s, linear(s.at("projector"), turned, { bias: false }), [-1]); // [N, text, D]
  for (let i = 0; i < config.num_refiner_text_blocks; i++) {
    fused = textBlock(s.at("refiner_blocks", i), fused, config);
  }
  return fused;
}

/** `Krea2TextFusionBlock`. */
function textBlock(s: Scope, x: Value, config: Config): Value {
  const { text_num_attention_heads: heads, text_num_key_value_heads: keyHeads } = config;
  const { norm_eps: eps, text_hidden_dim } = config;
  const headWidth = text_hidden_dim / heads;
  const normal = norm(s.at("norm1"), x, eps);
  const attended = add(s, x, attend(s.at("attn"), normal, { heads, keyHeads, headWidth, eps }));
  return add(s, attended, feed(s.at("ff"), norm(s.at("norm2"), attended, eps)));
}

/** `Krea2TransformerBlock`. */
function block(
  s: Scope,
  x: Value,
  { time, rotary, config }: {
    readonly time: Value;
    readonly rotary: Rotary;
    readonly config: Config;
  },
): Value {
  const { norm_eps: eps, attention_head_dim: headWidth } = config;
  const { num_attention_heads: heads, num_key_value_heads: keyHeads } = config;
  const vectors = tableModulation(s, time, 6);
  const [scale, shift, gate, scaleFf, shiftFf, gateFf] = vectors as Six;
  const normal = modulate(s, norm(s.at("norm1"), x, eps), scale, shift);
  const options = { heads, keyHeads, headWidth, eps, rotary };
  const attended = add(s, x, mul(s, gate, attend(s.at("attn"), normal, options)));
  const normalFf = modulate(s, norm(s.at("norm2"), attended, eps), scaleFf, shiftFf);
  return add(s, attended, mul(s, gateFf, feed(s.at("ff"), normalFf)));
}

type Six = [Value, Value, Value, Value, Value, Value];

function feed(s: Scope, x: Value): Value {
  return gatedFeedForward(s, x, { names: ["gate", "up", "down"] });
}

/** Attention with keys and values for groups of heads, what is seen gated (`Krea2Attention`). */
function attend(
  s: Scope,
  x: Value,
  { heads, keyHeads, headWidth, eps, rotary }: {
    readonly heads: number;
    readonly keyHeads: number;
    readonly headWidth: number;
    readonly eps: number;
    readonly rotary?: Rotary;
  },
): Value {
  const { query, key, value } = projectHeads(s, x, { heads, keyHeads, bias: false, norms: null });
  const normal = (name: string, of: Value, count: number) => {
    const split = reshape(s, of, [0, 0, count, -1]); // [N, tokens, heads, width]
    return reshape(s, norm(s.at(name), split, eps), [0, 0, -1]);
  };
  const shared = { keyHeads, headWidth, times: heads / keyHeads };
  const [seen] = jointAttention(s, [{
    query: normal("norm_q", query, heads),
    key: repeatHeads(s, normal("norm_k", key, keyHeads), shared),
    value: repeatHeads(s, value, shared),
  }], { heads, rotary }) as [Value];
  const gate = sigmoid(s, linear(s.at("to_gate"), x, { bias: false }));
  return linear(s.at("to_out.0"), mul(s, seen, gate), { bias: false });
}

/** Two linear layers on the fused states (`Krea2TextProjection`). */
function projectText(s: Scope, x: Value, eps: number): Value {
  const hidden = linear(s.at("linear_1"), norm(s.at("norm"), x, eps));
  return linear(s.at("linear_2"), gelu(s, hidden, "tanh"));
}

/**
 * QwenImage21Transformer2DModel: the denoiser of Qwen-Image 2.1 (Qwen Team, 2026), a rectified-flow transformer on
 * one row of tokens: those of a text, which see themselves and those before them, then those of the image, which
 * see all. All blocks are scaled and gated by one layer of the time that they share; the text is as at time 0, so
 * that it is the same in each step. Positions are rotary over three axes (arXiv:2104.09864).
 *
 * Not covered: images among the text (`img_mask`), `kv_cache`, which keeps what the text comes to, `attention_kwargs`.
 *
 * @example
 * ```ts ignore
 * import { QwenImage21Transformer2DModel } from "@denoise/denoise";
 *
 * const transformer = await QwenImage21Transformer2DModel.fromPretrained("Qwen/Qwen-Image-2.1", {
 *   subfolder: "transformer",
 * });
 * console.log(transformer.config.num_layers);
 * ```
 *
 * @module
 */
import { type FrozenConfig, type Model, type ModelClass, Tensor } from "@denoise/core";
import {
  centredIds,
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
  modulatedNorm,
  modulation,
  type Projected,
  projectHeads,
  timestepEmbedding,
  timestepWaves,
} from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  add,
  attention,
  causalBias,
  gelu,
  linear,
  mul,
  rmsNorm,
  type Rotary,
  rotaryEmbedding,
  rotate,
  tanh,
  withinFloat16,
} from "@denoise/onnx/nn";
import { check, type QwenImage21TransformerConfig, schema } from "./config.ts";

export type { QwenImage21TransformerConfig };

/** What a QwenImage21Transformer2DModel is given beside tokens and timestep. */
export interface QwenImage21TransformerOptions {
  /** States of the text of each row, float32 [text tokens, context_in_dim]; lengths may differ. */
  readonly encoderHiddenStates: readonly Tensor[];
  /** Rows and columns of the tokens. */
  readonly grid: readonly [rows: number, columns: number];
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
}

/** A loaded QwenImage21Transformer2DModel. */
export interface QwenImage21Transformer2DModel extends Model<QwenImage21TransformerConfig> {
  /**
   * The velocity from data to noise at each token, float32 [N, tokens, patch_size²·out_channels]. Rows whose
   * texts are equally long are computed together; the image's place behind the text is that of the longest one.
   *
   * @param hiddenStates Packed latents, float32 [N, tokens, patch_size²·in_channels].
   * @param timestep 0..1, for all rows or for each: the share of noise.
   * @throws {TypeError} for texts or a grid that do not go with the tokens.
   */
  forward(
    hiddenStates: Tensor,
    timestep: number | readonly number[],
    options: QwenImage21TransformerOptions,
  ): Promise<{ sample: Tensor }>;
}

type Config = FrozenConfig<QwenImage21TransformerConfig>;
type Inputs = Readonly<Record<string, Value>>;

/** The denoiser of Qwen-Image 2.1; `QwenImage21Transformer2DModel` of diffusers. */
export const QwenImage21Transformer2DModel: ModelClass<QwenImage21Transformer2DModel> = defineModel<
  QwenImage21TransformerConfig,
  QwenImage21Transformer2DModel
>({
  className: "QwenImage21Transformer2DModel",
  schema,
  check,
  graphs: {
    forward: {
      inputs: (config) => ({
        hidden_states: float32("batch", "tokens", config.patch_size ** 2 * config.in_channels),
        encoder_hidden_states: float32("batch", "text", config.context_in_dim),
        timestep: timesteps(),
        img_ids: { ...float32("tokens", 3), exact: true },
        txt_ids: { ...float32("text", 3), exact: true },
      }),
      build,
    },
  },
  methods: (model) => ({
    async forward(hiddenStates, timestep, options) {
      const { encoderHiddenStates: texts, grid: [rows, columns], signal } = options;
      checkCall(hiddenStates, options);
      const times = timestepTensor(timestep, hiddenStates.dims[0]!);
      const place = Math.max(...texts.map(({ dims }) => dims[0]!));
      const behind = Tensor.from([place, 0, 0]).reshape([1, 3]);
      const img_ids = centredIds([[1, rows, columns]]).add(behind);
      const { sample } = await runByTextLength(
        texts,
        (picked, states) =>
          model.run("forward", {
            hidden_states: pickRows(hiddenStates, picked),
            encoder_hidden_states: states,
            timestep: pickRows(times, picked),
            img_ids,
            txt_ids: countedIds(states.dims[1]!),
          }, { signal }),
      );
      return { sample: sample! };
    },
  }),
});

/** Coordinates of the text's tokens, which count on all axes alike, float32 [tokens, 3]. */
function countedIds(tokens: number): Tensor {
  const ids = Float32Array.from({ length: 3 * tokens }, (_, i) => Math.floor(i / 3));
  return Tensor.from(ids, [tokens, 3]);
}

function checkCall(
  { dims }: Tensor,
  { encoderHiddenStates: texts, grid: [rows, columns] }: QwenImage21TransformerOptions,
): void {
  if (rows * columns !== dims[1]) {
    throw new TypeError(
      `Cannot run QwenImage21Transformer2DModel: a grid of ${rows}x${columns} has ${
        rows * columns
      } tokens, but ` +
        `hiddenStates are [${dims.join(", ")}]`,
    );
  }
  if (texts.length === dims[0]) return;
  throw new TypeError(
    `Cannot run QwenImage21Transformer2DModel: there are ${texts.length} texts for ${
      dims[0]
    } rows of ` +
      "tokens; give one for each",
  );
}

function build(s: Scope, config: Config, inputs: Inputs): Inputs {
  const { hidden_states, encoder_hidden_states, timestep, img_ids, txt_ids } = inputs;
  const { axes_dims_rope: widths, eps, causal_condition } = config;
  const width = widthOf(config);
  const vectors = (time: Value) => {
    const waves = timestepWaves(s, mul(s, time, 1000));
    const temb = timestepEmbedding(s.at("time_text_embed.timestep_embedder"), waves, {
      bias: false,
    });
    return { temb, four: modulation(s.at("modulation.1"), temb, 4, { bias: false }) };
  };
  const now = vectors(timestep!);
  const start = causal_condition ? vectors(mul(s, timestep!, 0)) : now; // as the text is modulated
  const rotary = (ids: Value) => rotaryEmbedding(s, ids, { widths });
  const places = { text: rotary(txt_ids!), image: rotary(img_ids!) };
  let image = linear(s.at("img_in"), hidden_states!, { bias: false }); // [N, tokens, C]
  let text = projectText(s.at("txt_in"), encoder_hidden_states!, eps); // [N, text, C]
  const causal = causalBias(s, text);
  for (let i = 0; i < config.num_layers; i++) {
    [text, image] = block(s.at("transformer_blocks", i), [text, image], {
      ...{ vectors: [start.four, now.four], places, causal, config },
    });
  }
  const [scale] = modulation(s.at("norm_out.linear"), now.temb, 1, { bias: false }) as [Value];
  const normal = modulatedNorm(s, image, [scale], { width, eps });
  return { sample: linear(s.at("proj_out"), normal, { bias: false }) };
}

/** Channels of a token inside. */
function widthOf({ num_attention_heads, attention_head_dim }: Config): number {
  return num_attention_heads * attention_head_dim;
}

/** What all blocks are given. */
interface BlockFacts {
  /** Scale and gate of attention, then of the feed forward, for text and image, each [N, 1, C]. */
  readonly vectors: readonly [text: readonly Value[], image: readonly Value[]];
  /** Positions. */
  readonly places: { readonly text: Rotary; readonly image: Rotary };
  /** What hides from a token of the text those behind it. */
  readonly causal: Value;
  readonly config: Config;
}

/** One block on text and image, which have its weights in common (`QwenImage21TransformerBlock`). */
function block(
  s: Scope,
  streams: readonly [text: Value, image: Value],
  { vectors, places, causal, config }: BlockFacts,
): [text: Value, image: Value] {
  const { num_attention_heads: heads, eps } = config;
  const width = widthOf(config);
  const attn = s.at("attn");
  const [text, image] = streams.map((x, i) => {
    const normal = modulatedNorm(s, x, [vectors[i]![0]!], { width, eps });
    const projected = projectHeads(attn, normal, { heads, bias: false, eps });
    return turned(attn, projected, { rotary: i === 0 ? places.text : places.image, heads });
  }) as [Projected, Projected];
  const seen = [
    attention(attn, text, { heads, bias: causal }),
    jointAttention(attn, [image], { heads, beside: text })[0]!,
  ];
  return streams.map((x, i) => {
    const [, gate, scaleFf, gateFf] = vectors[i]! as Value[];
    const out = linear(attn.at("to_out.0"), seen[i]!, { bias: false });
    const attended = add(s, x, mul(s, tanh(s, gate!), out));
    const normal = modulatedNorm(s, attended, [scaleFf!], { width, eps });
    const fed = gatedFeedForward(s.at("img_mlp"), normal, { names: ["gate_layer", "proj", "out"] });
    return withinFloat16(s, add(s, attended, mul(s, tanh(s, gateFf!), fed)));
  }) as [Value, Value];
}

/** Queries and keys turned by their positions. */
function turned(
  s: Scope,
  { query, key, value }: Projected,
  { rotary, heads }: { readonly rotary: Rotary; readonly heads: number },
): Projected {
  const turn = (x: Value) => rotate(s, x, rotary, { heads, pairs: "interleaved" });
  return { query: turn(query), key: turn(key), value };
}

/** Two linear layers on the normalized states (`QwenImage21TextProjection`). */
function projectText(s: Scope, states: Value, eps: number): Value {
  const normal = rmsNorm(s.at("text_norm"), states, { eps, plusOne: true });
  const hidden = gelu(s, linear(s.at("in_layer"), normal, { bias: false }), "tanh");
  return linear(s.at("out_layer"), hidden, { bias: false });
}

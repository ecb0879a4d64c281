/**
 * QwenImage21Transformer2DModel: the denoiser of Qwen-Image 2.1 (Qwen Team, 2026), a rectified-flow transformer on
 * one row of tokens: those of a text, which see themselves and those before them, then those of the image, which
 * see all; reference images stand among the text, and the tokens of one see each other too. All blocks are scaled
 * and gated by one layer of the time that they share; text and reference images are as at time 0, so that they are
 * the same in each step. Positions are rotary over three axes (arXiv:2104.09864).
 *
 * Reference images with the text before them are read once: `references` gives what other tokens attend to (as
 * `kv_cache` does in diffusers), `forward` takes it. Not covered: `attention_kwargs`.
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
  optional,
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
  concat,
  expand,
  gelu,
  linear,
  moreSizes,
  mul,
  rmsNorm,
  type Rotary,
  rotaryEmbedding,
  rotate,
  shapeOf,
  split,
  squeeze,
  tanh,
  unsqueeze,
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
  /** What {@linkcode QwenImage21Transformer2DModel.references} gives of images among the text, all before these states. */
  readonly references?: QwenImage21References | undefined;
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
}

/** A reference image among a text. */
export interface QwenImage21Reference {
  /** States of the text between the image before it and itself, float32 [text tokens, context_in_dim]. */
  readonly text: Tensor;
  /** Its packed latents, float32 [1, tokens, patch_size²·in_channels]. */
  readonly tokens: Tensor;
  /** Rows and columns of the tokens. */
  readonly grid: readonly [rows: number, columns: number];
}

/** Reference images, and the text before and between them, as other tokens attend to them. */
export interface QwenImage21References {
  /** Their keys and values in all layers, float32 [2·layers, 1, tokens, C]. */
  readonly cache: Tensor;
  /** Where the token behind them is. */
  readonly place: number;
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
  /**
   * Reads images among a text: each sees all that is before it, and its own tokens each other. With
   * `causal_condition` it is the same at all times; without it must be done for each.
   *
   * @param images At least one, in their order in the text.
   * @param timestep 0..1, the share of noise, without `causal_condition`. Defaults to 0.
   * @throws {TypeError} for a grid that does not go with an image's tokens.
   */
  references(
    images: readonly QwenImage21Reference[],
    timestep?: number,
    options?: Pick<QwenImage21TransformerOptions, "signal">,
  ): Promise<QwenImage21References>;
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
    forward: { inputs: portsOf, build },
    references: { inputs: portsOf, build: buildReferences, isVariant: true },
  },
  methods: (model) => ({
    async forward(hiddenStates, timestep, options) {
      const { encoderHiddenStates: texts, grid, references, signal } = options;
      checkGrid(hiddenStates, grid);
      checkTexts(hiddenStates, texts);
      const times = timestepTensor(timestep, hiddenStates.dims[0]!);
      const { cache, place = 0 } = references ?? {};
      const img_ids = imageIds(grid, place + Math.max(...texts.map(({ dims }) => dims[0]!)));
      const { sample } = await runByTextLength(
        texts,
        (picked, states) =>
          model.run("forward", {
            hidden_states: pickRows(hiddenStates, picked),
            encoder_hidden_states: states,
            timestep: pickRows(times, picked),
            img_ids,
            txt_ids: countedIds(states.dims[1]!, place),
            reference_cache: cache,
          }, { signal }),
      );
      return { sample: sample! };
    },
    async references(images, timestep = 0, { signal } = {}) {
      const time = model.config.causal_condition ? 0 : timestep;
      let cache: Tensor | undefined;
      let place = 0;
      for (const { text, tokens, grid } of images) {
        checkGrid(tokens, grid);
        const behind = place + text.dims[0]!;
        const given = {
          hidden_states: tokens,
          encoder_hidden_states: text.unsqueeze(0),
          timestep: timestepTensor(time, 1),
          img_ids: imageIds(grid, behind),
          txt_ids: countedIds(text.dims[0]!, place),
          reference_cache: cache,
        };
        cache = (await model.run("references", given, { signal })).cache!;
        place = behind + Math.max(...grid);
      }
      if (cache === undefined) {
        throw new RangeError("Cannot read reference images: there is none; give at least one");
      }
      return { cache, place };
    },
  }),
});

/** Coordinates of the text's tokens, which count on all axes alike, float32 [tokens, 3]. */
function countedIds(tokens: number, first: number): Tensor {
  const ids = Float32Array.from({ length: 3 * tokens }, (_, i) => first + Math.floor(i / 3));
  return Tensor.from(ids, [tokens, 3]);
}

/** Coordinates of an image's tokens, float32 [tokens, 3]: where the text before it ends, row and column. */
function imageIds([rows, columns]: readonly [number, number], place: number): Tensor {
  return centredIds([[1, rows, columns]]).add(Tensor.from([place, 0, 0]).reshape([1, 3]));
}

/** The inputs of both graphs. */
function portsOf(config: Config) {
  const width = widthOf(config);
  return {
    hidden_states: float32("batch", "tokens", config.patch_size ** 2 * config.in_channels),
    encoder_hidden_states: float32("batch", "text", config.context_in_dim),
    timestep: timesteps(),
    img_ids: { ...float32("tokens", 3), exact: true },
    txt_ids: { ...float32("text", 3), exact: true },
    reference_cache: optional(float32(2 * config.num_layers, 1, "references", width)),
  };
}

function checkGrid({ dims }: Tensor, [rows, columns]: readonly [number, number]): void {
  if (rows * columns === dims[1]) return;
  throw new TypeError(
    `Cannot run QwenImage21Transformer2DModel: a grid of ${rows}x${columns} has ${
      rows * columns
    } tokens, but hiddenStates are [${dims.join(", ")}]`,
  );
}

function checkTexts({ dims }: Tensor, texts: readonly Tensor[]): void {
  if (texts.length === dims[0]) return;
  throw new TypeError(
    `Cannot run QwenImage21Transformer2DModel: there are ${texts.length} texts for ${
      dims[0]
    } rows of tokens; give one for each`,
  );
}

function build(s: Scope, config: Config, inputs: Inputs): Inputs {
  const { timestep } = inputs;
  const now = timeVectors(s, timestep!);
  // as the text is modulated
  const start = config.causal_condition ? timeVectors(s, mul(s, timestep!, 0)) : now;
  const image = throughBlocks(s, config, inputs, { vectors: [start.four, now.four] });
  const [scale] = modulation(s.at("norm_out.linear"), now.temb, 1, { bias: false }) as [Value];
  const norm = { width: widthOf(config), eps: config.eps };
  const normal = modulatedNorm(s, image, [scale], norm);
  return { sample: linear(s.at("proj_out"), normal, { bias: false }) };
}

/** The layers on an image and the text before it, whose keys and values stand behind those that are there. */
function buildReferences(s: Scope, config: Config, inputs: Inputs): Inputs {
  const { four } = timeVectors(s, inputs["timestep"]!);
  const kept: Value[] = [];
  throughBlocks(s, config, inputs, {
    vectors: [four, four],
    keep: ({ key, value }) => void kept.push(key, value),
  });
  const layers = kept.map((one) => unsqueeze(s, s.cast(one, "float32"), [0]));
  const own = concat(s, layers, 0); // [2·layers, 1, tokens, C]
  const before = inputs["reference_cache"];
  return { cache: before === undefined ? own : concat(s, [s.cast(before, "float32"), own], 2) };
}

/** The time as a vector, and as scales and gates of attention and feed forward. */
function timeVectors(s: Scope, timestep: Value): { temb: Value; four: readonly Value[] } {
  const waves = timestepWaves(s, mul(s, timestep, 1000));
  const temb = timestepEmbedding(s.at("time_text_embed.timestep_embedder"), waves, { bias: false });
  return { temb, four: modulation(s.at("modulation.1"), temb, 4, { bias: false }) };
}

/** Text and image through all blocks: the image's states. */
function throughBlocks(
  s: Scope,
  config: Config,
  { hidden_states, encoder_hidden_states, img_ids, txt_ids, reference_cache }: Inputs,
  { vectors, keep }: Pick<BlockFacts, "vectors" | "keep">,
): Value {
  const { axes_dims_rope: widths, eps, num_layers: layers } = config;
  const rotary = (ids: Value) => rotaryEmbedding(s, ids, { widths });
  const places = { text: rotary(txt_ids!), image: rotary(img_ids!) };
  let image = linear(s.at("img_in"), hidden_states!, { bias: false }); // [N, tokens, C]
  let text = projectText(s.at("txt_in"), encoder_hidden_states!, eps); // [N, text, C]
  const before = reference_cache &&
    split(s, s.cast(reference_cache), Array<number>(2 * layers).fill(1), 0)
      .map((one) => forRows(s, squeeze(s, one, [0]), text)); // [N, references, C]
  const causal = causalBias(s, text);
  const facts = {
    ...{ vectors, keep, places, config },
    bias: before === undefined ? causal : openBias(s, causal, before[0]!),
  };
  for (let i = 0; i < layers; i++) {
    const beside = before && { key: before[2 * i]!, value: before[2 * i + 1]! };
    [text, image] = block(s.at("transformer_blocks", i), [text, image], { ...facts, beside });
  }
  return image;
}

/** What all rows have in common, once for each row of `x`. */
function forRows(s: Scope, shared: Value, x: Value): Value {
  return expand(s, shared, moreSizes(s, shapeOf(s, x, 0, 1), { after: [1, 1] }));
}

/** The bias of text that also sees all of what is before it: [1, 1, text, text + before]. */
function openBias(s: Scope, causal: Value, before: Value): Value {
  const sizes = s.op(
    "Concat",
    [s.ints([1, 1]), shapeOf(s, causal, 2, 3), shapeOf(s, before, 1, 2)],
    {
      axis: 0,
    },
  );
  return concat(s, [causal, expand(s, s.scalar(0), sizes)], 3);
}

/** Channels of a token inside. */
function widthOf(
  { num_attention_heads, attention_head_dim }: Pick<
    Config,
    "num_attention_heads" | "attention_head_dim"
  >,
): number {
  return num_attention_heads * attention_head_dim;
}

type KeyAndValue = Pick<Projected, "key" | "value">;

/** What all blocks are given. */
interface BlockFacts {
  /** Scale and gate of attention, then of the feed forward, for text and image, each [N, 1, C]. */
  readonly vectors: readonly [text: readonly Value[], image: readonly Value[]];
  /** Positions. */
  readonly places: { readonly text: Rotary; readonly image: Rotary };
  /** What hides from a token of the text those behind it. */
  readonly bias: Value;
  /** Keys and values of what is before the text. */
  readonly beside: KeyAndValue | undefined;
  /** Is given the keys and values of text and image. */
  readonly keep?: ((kept: KeyAndValue) => void) | undefined;
  readonly config: Config;
}

/** One block on text and image, which have its weights in common (`QwenImage21TransformerBlock`). */
function block(
  s: Scope,
  streams: readonly [text: Value, image: Value],
  { vectors, places, bias, beside, keep, config }: BlockFacts,
): [text: Value, image: Value] {
  const { num_attention_heads: heads, eps } = config;
  const width = widthOf(config);
  const attn = s.at("attn");
  const [text, image] = streams.map((x, i) => {
    const normal = modulatedNorm(s, x, [vectors[i]![0]!], { width, eps });
    const projected = projectHeads(attn, normal, { heads, bias: false, eps });
    return turned(attn, projected, { rotary: i === 0 ? places.text : places.image, heads });
  }) as [Projected, Projected];
  keep?.(joined(s, [text, image]));
  const read = beside === undefined ? text : { ...text, ...joined(s, [text, beside]) };
  const seen = [
    attention(attn, read, { heads, bias }),
    jointAttention(attn, [image], { heads, beside: read })[0]!,
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

/** Keys and values of several one after the other. */
function joined(s: Scope, all: readonly KeyAndValue[]): KeyAndValue {
  const of = (part: keyof KeyAndValue) => concat(s, all.map((one) => one[part]), 1);
  return { key: of("key"), value: of("value") };
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

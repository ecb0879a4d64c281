/**
 * Flux3Transformer2DModel: the denoiser of FLUX.3 klein (Black Forest Labs, 2026), a rectified-flow transformer whose
 * blocks are attention and feed forward side by side (arXiv:2302.05442): first those in which text, image and reference
 * images each attend to themselves alone, with weights of their own, then those in which they are one row with the
 * same weights. What shifts, scales and gates them is shared by all blocks of a kind; text and reference images have
 * that of timestep 0. Positions are rotary (arXiv:2104.09864), on four axes.
 *
 * Models that were distilled to few steps (`flow_map`) are told the timestep that a step leads to as well. Not
 * covered: `attention_kwargs`.
 *
 * @example
 * ```ts ignore
 * import { Flux3Transformer2DModel } from "@denoise/denoise";
 *
 * const transformer = await Flux3Transformer2DModel.fromPretrained(
 *   "black-forest-labs/flux-3-image-klein",
 *   { subfolder: "transformer" },
 * );
 * console.log(transformer.config.num_single_layers);
 * ```
 *
 * @module
 */
import type { FrozenConfig, Model, ModelClass, Tensor } from "@denoise/core";
import { defineModel, float32, optional, timesteps, timestepTensor } from "@denoise/onnx";
import {
  headNorm,
  modulatedNorm,
  modulation,
  timestepEmbedding,
  timestepWaves,
} from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  add,
  attention,
  chunk,
  concat,
  linear,
  mul,
  reshape,
  type Rotary,
  rotaryEmbedding,
  rotate,
  silu,
  splitLike,
  withinFloat16,
} from "@denoise/onnx/nn";
import { check, type Flux3TransformerConfig, schema } from "./config.ts";

export type { Flux3TransformerConfig };

/** What a Flux3Transformer2DModel is given beside tokens and timestep. */
export interface Flux3TransformerOptions {
  /** States of the text, float32 [N, text tokens, joint_attention_dim]. */
  readonly encoderHiddenStates: Tensor;
  /** Coordinates of the image's tokens, float32 [tokens, axes]. */
  readonly imgIds: Tensor;
  /** Coordinates of the text's tokens, float32 [text tokens, axes]. */
  readonly txtIds: Tensor;
  /** Reference images as tokens, float32 [N, reference tokens, cond_in_channels]. */
  readonly imageCondHiddenStates?: Tensor | undefined;
  /** Coordinates of their tokens, float32 [reference tokens, axes]; with `imageCondHiddenStates` alone. */
  readonly imageCondIds?: Tensor | undefined;
  /** 0..1, for all rows or for each: the share of noise after the step, for models with `flow_map` alone. */
  readonly targetTimestep?: number | readonly number[] | undefined;
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
}

/** A loaded Flux3Transformer2DModel. */
export interface Flux3Transformer2DModel extends Model<Flux3TransformerConfig> {
  /**
   * The velocity from data to noise at each token of the image, float32 [N, tokens, in_channels].
   *
   * @param hiddenStates Latents as tokens, float32 [N, tokens, in_channels].
   * @param timestep 0..1, for all rows or for each: the share of noise.
   * @throws {TypeError} for one of `imageCondHiddenStates` and `imageCondIds` without the other, and for a
   * `targetTimestep` where the model takes none, or none where it does.
   */
  forward(
    hiddenStates: Tensor,
    timestep: number | readonly number[],
    options: Flux3TransformerOptions,
  ): Promise<{ sample: Tensor }>;
}

type Config = FrozenConfig<Flux3TransformerConfig>;
type Inputs = Readonly<Record<string, Value>>;

/** The denoiser of FLUX.3; `Flux3Transformer2DModel` of diffusers. */
export const Flux3Transformer2DModel: ModelClass<Flux3Transformer2DModel> = defineModel<
  Flux3TransformerConfig,
  Flux3Transformer2DModel
>({
  className: "Flux3Transformer2DModel",
  schema,
  check,
  keepInFloat32: (name) => /\.norm_[qk]\.weight$/.test(name),
  graphs: {
    forward: {
      inputs: (config) => ({
        hidden_states: float32("batch", "tokens", config.in_channels),
        encoder_hidden_states: float32("batch", "text", config.joint_attention_dim),
        timestep: timesteps(),
        ...(config.flow_map ? { target_timestep: timesteps() } : {}),
        img_ids: coordinates("tokens", config),
        txt_ids: coordinates("text", config),
        image_cond_hidden_states: optional(
          float32("batch", "references", config.cond_in_channels),
        ),
        image_cond_ids: optional(coordinates("references", config)),
      }),
      build,
    },
  },
  methods: (model) => ({
    async forward(hiddenStates, timestep, options) {
      checkCall(model.config, options);
      const batch = hiddenStates.dims[0]!;
      const { targetTimestep: target } = options;
      const { sample } = await model.run("forward", {
        hidden_states: hiddenStates,
        encoder_hidden_states: options.encoderHiddenStates,
        timestep: timestepTensor(timestep, batch),
        target_timestep: target === undefined ? undefined : timestepTensor(target, batch),
        img_ids: options.imgIds,
        txt_ids: options.txtIds,
        image_cond_hidden_states: options.imageCondHiddenStates,
        image_cond_ids: options.imageCondIds,
      }, { signal: options.signal });
      return { sample: sample! };
    },
  }),
});

/** Coordinates of tokens, which keep float32. */
function coordinates(tokens: string, { axes_dims_rope }: Config) {
  return { ...float32(tokens, axes_dims_rope.length), exact: true };
}

/** Refuses what the model has no place for. */
function checkCall({ flow_map }: Config, options: Flux3TransformerOptions): void {
  const { imageCondHiddenStates, imageCondIds, targetTimestep } = options;
  if ((imageCondHiddenStates === undefined) !== (imageCondIds === undefined)) {
    throw new TypeError(
      "Cannot run Flux3Transformer2DModel: give imageCondHiddenStates and imageCondIds together, or neither",
    );
  }
  if ((targetTimestep !== undefined) === flow_map) return;
  throw new TypeError(
    `Cannot run Flux3Transformer2DModel ${
      flow_map ? "without" : "with"
    } targetTimestep: models with ` +
      `flow_map = true need it, others take none; this one has ${flow_map}`,
  );
}

/** No linear layer has a bias. */
const PLAIN = { bias: false } as const;

/** Tokens of one kind, and where they are. */
interface Stream {
  /** Their name in the checkpoint. */
  readonly name: "txt" | "image" | "image_cond";
  /** The blocks in which they attend to themselves alone. */
  readonly blocks: Scope;
  /** [N, tokens, C]. */
  readonly tokens: Value;
  /** float32 [tokens, axes]. */
  readonly ids: Value;
  /** What the time makes of them, [N, C]. */
  readonly temb: Value;
}

function build(s: Scope, config: Config, inputs: Inputs): Inputs {
  const { eps } = config;
  const { image_cond_hidden_states: references, image_cond_ids, target_timestep } = inputs;
  const embedded = (name: string, time: Value) => {
    const waves = timestepWaves(s, mul(s, time, 1000), { width: config.timestep_channels });
    return timestepEmbedding(s.at(name), waves, PLAIN);
  };
  const target = target_timestep && embedded("target_timestep_embedder", target_timestep);
  const timed = (time: Value) => {
    const own = embedded("timestep_embedder", time);
    return target === undefined ? own : add(s, own, target);
  };
  const temb = timed(inputs["timestep"]!);
  const clean = timed(reshape(s, s.exact().scalar(0), [1])); // [1, C], or [N, C] with a target

  const image = (name: "image" | "image_cond", of: Value, ids: Value, temb: Value): Stream => ({
    ...{ name, ids, temb, blocks: s.at("mode_blocks", name) },
    tokens: linear(s.at("x_embedders", name), of, PLAIN),
  });
  const streams: Stream[] = [
    {
      ...{ name: "txt", ids: inputs["txt_ids"]!, temb: clean, blocks: s.at("txt_mode_blocks") },
      tokens: linear(s.at("context_embedder"), inputs["encoder_hidden_states"]!, PLAIN),
    },
    image("image", inputs["hidden_states"]!, inputs["img_ids"]!, temb),
    ...(references === undefined ? [] : [image("image_cond", references, image_cond_ids!, clean)]),
  ];
  const modulations = (kind: string) =>
    streams.map(({ name, temb }) =>
      modulation(s.at(`${kind}_stream_modulations.${name}.linear`), temb, 3, PLAIN)
    );
  const early = modulations("early");
  const single = modulations("single");

  let parts = streams.map(({ blocks, tokens, ids }, i) => {
    const facts = { config, rotary: positions(s, ids, config), modulations: [early[i]!] };
    let x = tokens;
    for (let k = 0; k < config.num_layers; k++) [x] = block(blocks.at(k), [x], facts) as [Value];
    return x;
  });
  const rotary = positions(s, concat(s, streams.map(({ ids }) => ids), 0), config);
  for (let k = 0; k < config.num_single_layers; k++) {
    const scope = s.at("single_transformer_blocks", k);
    parts = block(scope, parts, { config, rotary, modulations: single });
  }
  const [scale, shift] = modulation(s.at("norm_out.linear"), temb, 2, PLAIN) as [Value, Value];
  const normal = modulatedNorm(s, parts[1]!, [scale, shift], { width: widthOf(config), eps });
  return { sample: linear(s.at("proj_out"), normal, PLAIN) };
}

/** The angles of tokens, in float32 as their queries and keys are. */
function positions(s: Scope, ids: Value, config: Config): Rotary {
  const { axes_dims_rope: widths, rope_theta: theta } = config;
  return rotaryEmbedding(s.exact(), ids, { widths, theta });
}

/** Channels of a token inside. */
function widthOf({ num_attention_heads, attention_head_dim }: Config): number {
  return num_attention_heads * attention_head_dim;
}

/** What all blocks are given. */
interface BlockFacts {
  readonly config: Config;
  readonly rotary: Rotary;
  /** Shift, scale and gate of each part. */
  readonly modulations: readonly (readonly Value[])[];
}

/**
 * Attention and feed forward side by side on parts as one row of tokens, each of which is shifted, scaled and
 * gated by its own time (`Flux3ModeTransformerBlock` of one part, `Flux3SingleTransformerBlock` of several).
 */
function block(
  s: Scope,
  parts: readonly Value[],
  { config, rotary, modulations }: BlockFacts,
): Value[] {
  const { eps } = config;
  const norm = { width: widthOf(config), eps };
  const normal = parts.map((x, i) => {
    const [shift, scale] = modulations[i]! as [Value, Value];
    return modulatedNorm(s, x, [scale, shift], norm);
  });
  const row = normal.length === 1 ? normal[0]! : concat(s, normal, 1);
  const made = add(s, attended(s.at("attn"), row, { config, rotary }), fed(s.at("ff"), row));
  const own = parts.length === 1 ? [made] : splitLike(s, made, parts, 1);
  return parts.map((x, i) => withinFloat16(s, add(s, x, mul(s, modulations[i]![2]!, own[i]!))));
}

/** Attention whose queries and keys are normalized and turned in float32. */
function attended(
  s: Scope,
  x: Value,
  { config, rotary }: Pick<BlockFacts, "config" | "rotary">,
): Value {
  const { num_attention_heads: heads, eps } = config;
  const exact = s.exact();
  const turned = (name: string, norm: string) => {
    const raw = exact.cast(linear(s.at(name), x, PLAIN));
    const normal = headNorm(exact.at(norm), raw, { heads, eps });
    return s.cast(rotate(exact, normal, rotary, { heads, pairs: "interleaved" }));
  };
  const seen = attention(s, {
    query: turned("to_q", "norm_q"),
    key: turned("to_k", "norm_k"),
    value: linear(s.at("to_v"), x, PLAIN),
  }, { heads });
  return linear(s.at("to_out.0"), seen, PLAIN);
}

/** silu(first half)·second half between two linear layers (`Flux3FeedForward`). */
function fed(s: Scope, x: Value): Value {
  const [gate, hidden] = chunk(s, linear(s.at("linear_in"), x, PLAIN), 2, -1) as [Value, Value];
  return linear(s.at("linear_out"), mul(s, silu(s, gate), hidden), PLAIN);
}

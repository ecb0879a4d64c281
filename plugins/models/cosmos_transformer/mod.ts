/**
 * CosmosTransformer3DModel: the denoiser of Cosmos (NVIDIA, 2025, arXiv:2501.03575), for images: Anima's. Blocks of
 * attention among the tokens of an image, to a text, and a feed forward, each shifted, scaled and gated by the time
 * (low-rank AdaLN). Positions are rotary (arXiv:2104.09864), on time, height and width.
 *
 * Latents are those of one frame. Not covered: videos, learned positions, masks of padding and of what is given, images
 * that are attended to, residuals of a ControlNet.
 *
 * @example
 * ```ts ignore
 * import { CosmosTransformer3DModel } from "@denoise/denoise";
 *
 * const transformer = await CosmosTransformer3DModel.fromPretrained(
 *   "./anima",
 *   { subfolder: "transformer" },
 * );
 * console.log(transformer.config.num_layers);
 * ```
 *
 * @module
 */
import { type FrozenConfig, type Model, type ModelClass, Tensor } from "@denoise/core";
import { defineModel, float32, timesteps, timestepTensor } from "@denoise/onnx";
import {
  feedForward,
  headNorm,
  modulatedNorm,
  patchGrid,
  timestepWaves,
  unpatchify,
} from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  add,
  attention,
  chunk,
  concat,
  div,
  linear,
  mul,
  rmsNorm,
  type Rotary,
  rotaryEmbedding,
  rotate,
  shapeOf,
  silu,
  transpose,
  unsqueeze,
  withinFloat16,
} from "@denoise/onnx/nn";
import { check, type CosmosTransformerConfig, schema } from "./config.ts";

export type { CosmosTransformerConfig };

/** What a CosmosTransformer3DModel is given beside latents and timestep. */
export interface CosmosTransformerOptions {
  /** States of the text, float32 [N, text tokens, text_embed_dim]. */
  readonly encoderHiddenStates: Tensor;
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
}

/** A loaded CosmosTransformer3DModel. */
export interface CosmosTransformer3DModel extends Model<CosmosTransformerConfig> {
  /**
   * What the model predicts, float32 [N, out_channels, h, w].
   *
   * @param hiddenStates Latents of one frame, float32 [N, in_channels, h, w]; sides are multiples of the patch's.
   * @param timestep For all rows or for each.
   * @throws {RangeError} for latents that patches do not fill, or that are larger than `max_size`.
   */
  forward(
    hiddenStates: Tensor,
    timestep: number | readonly number[],
    options: CosmosTransformerOptions,
  ): Promise<{ sample: Tensor }>;
}

type Config = FrozenConfig<CosmosTransformerConfig>;
type Inputs = Readonly<Record<string, Value>>;

/** The denoiser of Cosmos and Anima; `CosmosTransformer3DModel` of diffusers. */
export const CosmosTransformer3DModel: ModelClass<CosmosTransformer3DModel> = defineModel<
  CosmosTransformerConfig,
  CosmosTransformer3DModel
>({
  className: "CosmosTransformer3DModel",
  schema,
  check,
  graphs: {
    forward: {
      inputs: (config) => ({
        hidden_states: float32("batch", config.in_channels, "height", "width"),
        encoder_hidden_states: float32("batch", "text", config.text_embed_dim),
        timestep: timesteps(),
        places: { ...float32("tokens", 3), exact: true },
      }),
      build,
    },
  },
  methods: (model) => ({
    async forward(hiddenStates, timestep, { encoderHiddenStates, signal }) {
      const { sample } = await model.run("forward", {
        hidden_states: hiddenStates,
        encoder_hidden_states: encoderHiddenStates,
        timestep: timestepTensor(timestep, hiddenStates.dims[0]!),
        places: placesOf(hiddenStates, model.config),
      }, { signal });
      return { sample: sample! };
    },
  }),
});

/** Coordinates of the tokens, float32 [tokens, 3]: frame, row, column. */
function placesOf(latents: Tensor, { patch_size, max_size }: Config): Tensor {
  const patch = patch_size[1]!;
  const [rows, columns] = patchGrid(latents, patch);
  const most = Math.max(...max_size.map((size, axis) => Math.floor(size / patch_size[axis]!)));
  if (Math.max(rows, columns) > most) {
    throw new RangeError(
      `Cannot denoise latents of ${latents.dims[2]} x ${
        latents.dims[3]
      }: with max_size = [${max_size}] a side ` +
        `has at most ${most * patch}`,
    );
  }
  const ids = new Float32Array(rows * columns * 3);
  for (let i = 0; i < rows * columns; i++) {
    ids.set([0, Math.floor(i / columns), i % columns], 3 * i);
  }
  return Tensor.from(ids, [rows * columns, 3]);
}

/** No linear layer has a bias. */
const PLAIN = { bias: false } as const;

function build(s: Scope, config: Config, inputs: Inputs): Inputs {
  const { out_channels: channels, patch_size } = config;
  const patch = patch_size[1]!;
  const width = widthOf(config);
  const latents = inputs["hidden_states"]!;
  const embed = s.at("time_embed");
  const waves = timestepWaves(s, inputs["timestep"]!, { width }); // [N, C]
  const hidden = silu(s, linear(embed.at("t_embedder.linear_1"), waves, PLAIN));
  const facts: BlockFacts = {
    config,
    text: inputs["encoder_hidden_states"]!,
    rotary: positions(s, inputs["places"]!, config),
    activated: silu(s, rmsNorm(embed.at("norm"), waves)),
    temb: linear(embed.at("t_embedder.linear_2"), hidden, PLAIN), // [N, 3·C]
  };
  let x = linear(s.at("patch_embed.proj"), patches(s, latents, config), PLAIN); // [N, tokens, C]
  for (let i = 0; i < config.num_layers; i++) x = block(s.at("transformer_blocks", i), x, facts);
  const [shift, scale] = modulationOf(s.at("norm_out"), facts, 2) as [Value, Value];
  const normal = modulatedNorm(s, x, [scale, shift], { width });
  const out = linear(s.at("proj_out"), normal, PLAIN);
  return { sample: unpatchify(s, out, latents, { patch, channels }) };
}

/** Channels of a token inside. */
function widthOf({ num_attention_heads, attention_head_dim }: Config): number {
  return num_attention_heads * attention_head_dim;
}

/** Latents as patches, with a channel that says that nothing is padding: [N, tokens, C·patch²]. */
function patches(
  s: Scope,
  latents: Value,
  { concat_padding_mask, patch_size, in_channels }: Config,
) {
  const patch = patch_size[1]!;
  const padded = concat_padding_mask
    ? s.op("Pad", [latents, s.ints([0, 0, 0, 0, 0, 1, 0, 0])])
    : latents;
  const channels = in_channels + (concat_padding_mask ? 1 : 0);
  const count = (axis: number) =>
    div(s, shapeOf(s, latents, axis, axis + 1), s.scalar(patch, "int64"));
  const [side, each] = [s.ints([patch]), s.ints([0, channels])];
  const split = s.op("Reshape", [padded, concat(s, [each, count(2), side, count(3), side], 0)]);
  const moved = transpose(s, split, [0, 2, 4, 1, 3, 5]); // [N, h, w, C, patch, patch]
  const flat = concat(s, [s.ints([0, -1]), s.ints([channels * patch * patch])], 0);
  return s.op("Reshape", [moved, flat]);
}

/** The angles of the tokens; each axis has wavelengths of its own (`CosmosRotaryPosEmbed`). */
function positions(
  s: Scope,
  places: Value,
  { attention_head_dim: head, rope_scale }: Config,
): Rotary {
  const side = 2 * Math.floor(head / 6);
  const widths = [head - 2 * side, side, side];
  const theta = widths.map((width, axis) => 10000 * rope_scale[axis]! ** (width / (width - 2)));
  return rotaryEmbedding(s, places, { widths, theta });
}

/** What a block is given beside the tokens. */
interface BlockFacts {
  readonly config: Config;
  /** [N, text tokens, D]. */
  readonly text: Value;
  readonly rotary: Rotary;
  /** silu of the normalized time, [N, C]. */
  readonly activated: Value;
  /** What all modulations have in common, [N, 3·C]. */
  readonly temb: Value;
}

/** Shift, scale and gate, or the first two of them, each [N, 1, C]. */
function modulationOf(s: Scope, { activated, temb, config }: BlockFacts, count: number): Value[] {
  const own = linear(s.at("linear_2"), linear(s.at("linear_1"), activated, PLAIN), PLAIN);
  const end = s.ints([count * widthOf(config)]);
  const common = count === 3 ? temb : s.op("Slice", [temb, s.ints([0]), end, s.ints([1])]);
  return chunk(s, unsqueeze(s, add(s, own, common), [1]), count, -1);
}

/** `CosmosTransformerBlock`. */
function block(s: Scope, x: Value, facts: BlockFacts): Value {
  const width = widthOf(facts.config);
  const step = (norm: string, to: Value, make: (normal: Value) => Value) => {
    const [shift, scale, gate] = modulationOf(s.at(norm), facts, 3) as [Value, Value, Value];
    const normal = modulatedNorm(s, to, [scale, shift], { width });
    return withinFloat16(s, add(s, to, mul(s, gate, make(normal))));
  };
  const own = step("norm1", x, (normal) => attended(s.at("attn1"), normal, normal, facts, true));
  const crossed = step(
    "norm2",
    own,
    (normal) => attended(s.at("attn2"), normal, facts.text, facts, false),
  );
  return step(
    "norm3",
    crossed,
    (normal) => feedForward(s.at("ff"), normal, { activation: "gelu", ...PLAIN }),
  );
}

/** Attention with normalized heads, turned by their places among themselves. */
function attended(
  s: Scope,
  x: Value,
  other: Value,
  { config: { num_attention_heads: heads }, rotary }: BlockFacts,
  isOwn: boolean,
): Value {
  const projected = (name: string, norm: string, of: Value) => {
    const normal = headNorm(s.at(norm), linear(s.at(name), of, PLAIN), { heads, eps: 1e-5 });
    return isOwn ? rotate(s, normal, rotary, { heads, pairs: "half-split" }) : normal;
  };
  const seen = attention(s, {
    query: projected("to_q", "norm_q", x),
    key: projected("to_k", "norm_k", other),
    value: linear(s.at("to_v"), other, PLAIN),
  }, { heads });
  return linear(s.at("to_out.0"), seen, PLAIN);
}

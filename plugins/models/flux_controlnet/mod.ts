/**
 * FluxControlNetModel: a copy of some of FLUX.1's blocks that is given an image (edges, a pose, a depth
 * map) and adds to what the blocks of the transformer hand on, after Zhang, Rao and Agrawala
 * (arXiv:2302.05543). Covered are those of one kind, unions that are given the kind of their image
 * (`num_mode`), and those that take pixels in place of latents (`conditioning_embedding_channels`, XLabs).
 *
 * @example
 * ```ts ignore
 * import { FluxControlNetModel, FluxControlNetPipeline } from "@denoise/denoise";
 *
 * const controlnet = await FluxControlNetModel.fromPretrained(
 *   "InstantX/FLUX.1-dev-Controlnet-Canny",
 * );
 * const pipe = await FluxControlNetPipeline.fromPretrained("black-forest-labs/FLUX.1-dev", {
 *   controlnet,
 * });
 * ```
 *
 * @module
 */
import { type FrozenConfig, type Model, type ModelClass, Tensor } from "@denoise/core";
import { defineModel, float32, int64, optional, timesteps, timestepTensor } from "@denoise/onnx";
import { controlEmbedding, fluxBlocks, modulation, timeTextEmbedding } from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  add,
  concat,
  embedding,
  linear,
  mul,
  reshape,
  rotaryEmbedding,
  slice,
  transpose,
  unsqueeze,
} from "@denoise/onnx/nn";
import { type FluxControlNetConfig, schema } from "./config.ts";

export type { FluxControlNetConfig };

/** What a FluxControlNetModel is given beside tokens and timestep. */
export interface FluxControlNetOptions {
  /**
   * The control image: its latents as tokens, float32 [N, tokens, in_channels], or its pixels, float32
   * [N, 3, H, W] in -1..1, with `conditioning_embedding_channels`.
   */
  readonly controlnetCond: Tensor;
  /** The kind of the image, 0..num_mode - 1; for unions, which need it. */
  readonly controlnetMode?: number | undefined;
  /** What the residuals are multiplied with. Defaults to 1. */
  readonly conditioningScale?: number | undefined;
  /** States of the text, float32 [N, text tokens, joint_attention_dim]. */
  readonly encoderHiddenStates: Tensor;
  /** The pooled text, float32 [N, pooled_projection_dim]. */
  readonly pooledProjections: Tensor;
  /** Coordinates of the image's tokens, float32 [tokens, axes]. */
  readonly imgIds: Tensor;
  /** Coordinates of the text's tokens, float32 [text tokens, axes]. */
  readonly txtIds: Tensor;
  /** The guidance scale for each row, for models with `guidance_embeds`. */
  readonly guidance?: number | readonly number[] | undefined;
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
}

/** What a FluxControlNetModel adds to the transformer. */
export interface FluxControlNetOutput {
  /** For its blocks in which text and image have weights of their own, float32 [N, tokens, C]. */
  readonly controlnetBlockSamples: readonly Tensor[];
  /** For those in which they share them. */
  readonly controlnetSingleBlockSamples: readonly Tensor[];
}

/** A loaded FluxControlNetModel. */
export interface FluxControlNetModel extends Model<FluxControlNetConfig> {
  /**
   * Residuals for one call of the transformer.
   *
   * @param hiddenStates Packed latents, float32 [N, tokens, in_channels].
   * @param timestep 0..1, for all rows or for each: the share of noise.
   * @throws {RangeError} for a union without `controlnetMode`, or with one that it does not have.
   */
  forward(
    hiddenStates: Tensor,
    timestep: number | readonly number[],
    options: FluxControlNetOptions,
  ): Promise<FluxControlNetOutput>;
}

type Config = FrozenConfig<FluxControlNetConfig>;
type Inputs = Readonly<Record<string, Value>>;

/** Names of outputs, before the number of the block. */
const DOUBLE = "controlnet_block_samples";
const SINGLE = "controlnet_single_block_samples";

/** The networks that control FLUX.1; `FluxControlNetModel` of diffusers. */
export const FluxControlNetModel: ModelClass<FluxControlNetModel> = defineModel<
  FluxControlNetConfig,
  FluxControlNetModel
>({
  className: "FluxControlNetModel",
  schema,
  graphs: {
    forward: {
      inputs: (config) => ({
        hidden_states: float32("batch", "tokens", config.in_channels),
        controlnet_cond: config.conditioning_embedding_channels === null
          ? float32("batch", "tokens", config.in_channels)
          : float32("batch", 3, "height", "width"),
        scale: float32(1),
        encoder_hidden_states: float32("batch", "text", config.joint_attention_dim),
        pooled_projections: float32("batch", config.pooled_projection_dim),
        timestep: timesteps(),
        img_ids: { ...float32("tokens", config.axes_dims_rope.length), exact: true },
        txt_ids: { ...float32("text", config.axes_dims_rope.length), exact: true },
        ...(config.guidance_embeds ? { guidance: optional(timesteps()) } : {}),
        ...(config.num_mode === null ? {} : { controlnet_mode: int64("batch") }),
      }),
      build,
    },
  },
  methods: (model) => ({
    async forward(hiddenStates, timestep, options) {
      const batch = hiddenStates.dims[0]!;
      const { guidance, conditioningScale = 1 } = options;
      const { num_mode, num_layers, num_single_layers } = model.config;
      const result = await model.run("forward", {
        hidden_states: hiddenStates,
        controlnet_cond: options.controlnetCond,
        scale: Tensor.from([conditioningScale]),
        encoder_hidden_states: options.encoderHiddenStates,
        pooled_projections: options.pooledProjections,
        timestep: timestepTensor(timestep, batch),
        img_ids: options.imgIds,
        txt_ids: options.txtIds,
        guidance: guidance === undefined ? undefined : timestepTensor(guidance, batch),
        controlnet_mode: modes(num_mode, options.controlnetMode, batch),
      }, { signal: options.signal, onDevice: true }); // the transformer takes them from there
      const samples = (name: string, count: number) =>
        Array.from({ length: count }, (_, i) => result[`${name}_${i}`]!);
      return {
        controlnetBlockSamples: samples(DOUBLE, num_layers),
        controlnetSingleBlockSamples: samples(SINGLE, num_single_layers),
      };
    },
  }),
});

function modes(count: number | null, mode: number | undefined, batch: number): Tensor | undefined {
  if (count === null) return undefined;
  if (mode !== undefined && Number.isInteger(mode) && mode >= 0 && mode < count) {
    return Tensor.from(Array<number>(batch).fill(mode), [batch], "int64");
  }
  throw new RangeError(
    `Cannot control by a union of ${count} kinds ` +
      (mode === undefined ? "without the kind of the image" : `by an image of kind ${mode}`) +
      `: give an integer from 0 to ${count - 1} as controlMode, as the model's card lists them`,
  );
}

function build(s: Scope, config: Config, inputs: Inputs): Inputs {
  const { img_ids, hidden_states, timestep, guidance, pooled_projections, scale } = inputs;
  const temb = timeTextEmbedding(
    s.at("time_text_embed"),
    mul(s, timestep!, 1000),
    pooled_projections!,
    guidance && mul(s, guidance, 1000),
  );
  const { text, ids } = textTokens(s, inputs);
  const control = linear(s.at("controlnet_x_embedder"), controlTokens(s, config, inputs));
  const image = add(s, linear(s.at("x_embedder"), hidden_states!), control); // [N, tokens, C]
  const outputs: Record<string, Value> = {};
  fluxBlocks(s, [text, image], {
    double: config.num_layers,
    single: config.num_single_layers,
    heads: config.num_attention_heads,
    width: config.num_attention_heads * config.attention_head_dim,
    rotary: rotaryEmbedding(s, concat(s, [ids, img_ids!], 0), { widths: config.axes_dims_rope }),
    doubleModulation: (block) => [
      modulation(block.at("norm1_context.linear"), temb, 6),
      modulation(block.at("norm1.linear"), temb, 6),
    ],
    singleModulation: (block) => modulation(block.at("norm.linear"), temb, 3),
    after(kind, i, made) {
      const [name, layers] = kind === "double"
        ? [DOUBLE, s.at("controlnet_blocks", i)] as const
        : [SINGLE, s.at("controlnet_single_blocks", i)] as const;
      outputs[`${name}_${i}`] = mul(s, linear(layers, made), scale!);
      return made;
    },
  });
  return outputs;
}

/** States of the text and their coordinates; before them stands the kind of the image in unions. */
function textTokens(s: Scope, inputs: Inputs): { readonly text: Value; readonly ids: Value } {
  const { encoder_hidden_states, txt_ids, controlnet_mode } = inputs;
  const text = linear(s.at("context_embedder"), encoder_hidden_states!); // [N, text, C]
  if (controlnet_mode === undefined) return { text, ids: txt_ids! };
  const mode = embedding(s.at("controlnet_mode_embedder"), controlnet_mode); // [N, C]
  return {
    text: concat(s, [unsqueeze(s, mode, [1]), text], 1),
    ids: concat(s, [slice(s, txt_ids!, 0, 0, 1), txt_ids!], 0),
  };
}

/** The control image as tokens, [N, tokens, in_channels]. */
function controlTokens(s: Scope, config: Config, { controlnet_cond }: Inputs): Value {
  const { conditioning_embedding_channels: channels, patch_size: patch } = config;
  if (channels === null) return controlnet_cond!;
  const map = controlEmbedding(s.at("input_hint_block"), controlnet_cond!, HINT_LEVELS);
  const patches = s.op("SpaceToDepth", [map], { blocksize: patch }); // [N, patch²·C, h, w]
  const tokens = transpose(s, reshape(s, patches, [0, patch ** 2, channels, -1]), [0, 3, 2, 1]);
  return reshape(s, tokens, [0, 0, -1]); // the channel first, then the place in the patch
}

/** Widths of the convolutions that pixels go through: four of 16. */
const HINT_LEVELS = 4;

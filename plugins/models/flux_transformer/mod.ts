/**
 * FluxTransformer2DModel: the denoiser of FLUX.1 (Black Forest Labs, 2024), a rectified-flow
 * transformer on tokens of 2x2 latents: blocks in which text and image have weights of their own
 * (MM-DiT, arXiv:2403.03206), then blocks of attention and feed forward side by side (arXiv:2302.05442) on
 * both as one row. Positions are rotary (arXiv:2104.09864).
 *
 * @example
 * ```ts ignore
 * import { FluxTransformer2DModel } from "@denoise/denoise";
 *
 * const transformer = await FluxTransformer2DModel.fromPretrained(
 *   "black-forest-labs/FLUX.1-schnell",
 *   { subfolder: "transformer" },
 * );
 * console.log(transformer.config.num_layers);
 * ```
 *
 * @module
 */
import type { FrozenConfig, Model, ModelClass, Tensor } from "@denoise/core";
import {
  defineModel,
  float32,
  optional,
  type Port,
  timesteps,
  timestepTensor,
} from "@denoise/onnx";
import type { StepCached } from "@denoise/roles";
import {
  fluxBlocks,
  imageProjection,
  imageProjections,
  modulatedNorm,
  modulation,
  timeTextEmbedding,
} from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import { add, concat, linear, mul, rotaryEmbedding } from "@denoise/onnx/nn";
import { type FluxTransformerConfig, schema } from "./config.ts";

export type { FluxTransformerConfig };

/** What a FluxTransformer2DModel is given beside tokens and timestep. */
export interface FluxTransformerOptions {
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
  /** What ControlNets add after the first blocks, each float32 [N, tokens, width]. */
  readonly controlnetBlockSamples?: readonly Tensor[] | undefined;
  /** The same after the blocks that text and image share. */
  readonly controlnetSingleBlockSamples?: readonly Tensor[] | undefined;
  /** Whether the first ones are taken in turn, and not each for some blocks in a row. */
  readonly controlnetBlocksRepeat?: boolean | undefined;
  /** The images of each IP-Adapter, float32 [N, images, width]. */
  readonly imageEmbeds?: readonly Tensor[] | undefined;
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
}

/** A loaded FluxTransformer2DModel. */
export interface FluxTransformer2DModel extends Model<FluxTransformerConfig>, StepCached {
  /**
   * The velocity from data to noise at each token, float32 [N, tokens, patch_size²·out_channels].
   *
   * @param hiddenStates Packed latents, float32 [N, tokens, in_channels].
   * @param timestep 0..1, for all rows or for each: the share of noise.
   */
  forward(
    hiddenStates: Tensor,
    timestep: number | readonly number[],
    options: FluxTransformerOptions,
  ): Promise<{ sample: Tensor }>;
  /** What each IP-Adapter in use takes of an image: its vector. */
  imagePrompts(): readonly "embeds"[];
}

/** What is put before the inputs for residuals of ControlNets, one for each block. */
const RESIDUALS = {
  double: "controlnet_block_samples",
  single: "controlnet_single_block_samples",
} as const;

/** The input for the images of an IP-Adapter. */
function imageInput(index: number): string {
  return `image_embeds_${index}`;
}

type Config = FrozenConfig<FluxTransformerConfig>;
type Inputs = Readonly<Record<string, Value>>;

/** The denoiser of FLUX.1; `FluxTransformer2DModel` of diffusers. */
export const FluxTransformer2DModel: ModelClass<FluxTransformer2DModel> = defineModel<
  FluxTransformerConfig,
  FluxTransformer2DModel
>({
  className: "FluxTransformer2DModel",
  schema,
  graphs: {
    forward: {
      inputs: (config, added) => ({
        hidden_states: float32("batch", "tokens", config.in_channels),
        encoder_hidden_states: float32("batch", "text", config.joint_attention_dim),
        pooled_projections: float32("batch", config.pooled_projection_dim),
        timestep: timesteps(),
        img_ids: { ...float32("tokens", config.axes_dims_rope.length), exact: true },
        txt_ids: { ...float32("text", config.axes_dims_rope.length), exact: true },
        ...(config.guidance_embeds ? { guidance: optional(timesteps()) } : {}),
        ...residualPorts(config),
        ...Object.fromEntries(
          imageProjections(added)
            .map((_, i) => [imageInput(i), float32("batch", `images_${i}`, `image_width_${i}`)]),
        ),
      }),
      build,
    },
  },
  methods: (model) => ({
    imagePrompts: () => imageProjections(model.added).map(() => "embeds" as const),
    async forward(hiddenStates, timestep, options) {
      const batch = hiddenStates.dims[0]!;
      const { guidance } = options;
      const { sample } = await model.run("forward", {
        hidden_states: hiddenStates,
        encoder_hidden_states: options.encoderHiddenStates,
        pooled_projections: options.pooledProjections,
        timestep: timestepTensor(timestep, batch),
        img_ids: options.imgIds,
        txt_ids: options.txtIds,
        guidance: guidance === undefined ? undefined : timestepTensor(guidance, batch),
        ...residualInputs(model.config, options),
        ...Object.fromEntries((options.imageEmbeds ?? []).map((x, i) => [imageInput(i), x])),
      }, { signal: options.signal });
      return { sample: sample! };
    },
  }),
});

function residualPorts(config: Config): Record<string, Port> {
  const width = config.num_attention_heads * config.attention_head_dim;
  const ports = (name: string, count: number) =>
    Array.from(
      { length: count },
      (_, i) => [`${name}_${i}`, optional(float32("batch", "tokens", width))],
    );
  return Object.fromEntries([
    ...ports(RESIDUALS.double, config.num_layers),
    ...ports(RESIDUALS.single, config.num_single_layers),
  ]);
}

/** The residual of each block: a ControlNet has fewer, which then stand for several in a row. */
function residualInputs(
  { num_layers, num_single_layers }: Config,
  options: FluxTransformerOptions,
): Record<string, Tensor> {
  const { controlnetBlockSamples: double = [], controlnetSingleBlockSamples: single = [] } =
    options;
  const inputs = (name: string, given: readonly Tensor[], count: number, repeat = false) => {
    if (given.length === 0) return [];
    const each = Math.ceil(count / given.length);
    const of = (i: number) => repeat ? i % given.length : Math.floor(i / each);
    return Array.from({ length: count }, (_, i) => [`${name}_${i}`, given[of(i)]!] as const);
  };
  return Object.fromEntries([
    ...inputs(RESIDUALS.double, double, num_layers, options.controlnetBlocksRepeat),
    ...inputs(RESIDUALS.single, single, num_single_layers),
  ]);
}

function build(s: Scope, config: Config, inputs: Inputs): Inputs {
  const { img_ids, txt_ids, hidden_states, encoder_hidden_states } = inputs;
  const { timestep, guidance, pooled_projections } = inputs;
  const temb = timeTextEmbedding(
    s.at("time_text_embed"),
    mul(s, timestep!, 1000),
    pooled_projections!,
    guidance && mul(s, guidance, 1000),
  );
  const width = config.num_attention_heads * config.attention_head_dim;
  const ids = concat(s, [txt_ids!, img_ids!], 0);
  const text = linear(s.at("context_embedder"), encoder_hidden_states!); // [N, text, C]
  const image = linear(s.at("x_embedder"), hidden_states!); // [N, tokens, C]
  const last = fluxBlocks(s, [text, image], {
    double: config.num_layers,
    single: config.num_single_layers,
    heads: config.num_attention_heads,
    width,
    images: imageProjections((name) => s.added(name))
      .map((path, i) => imageProjection(s.at(path), inputs[imageInput(i)]!)),
    rotary: rotaryEmbedding(s, ids, { widths: config.axes_dims_rope }),
    doubleModulation: (block) => [
      modulation(block.at("norm1_context.linear"), temb, 6),
      modulation(block.at("norm1.linear"), temb, 6),
    ],
    singleModulation: (block) => modulation(block.at("norm.linear"), temb, 3),
    after(kind, i, made) {
      const added = inputs[`${RESIDUALS[kind]}_${i}`];
      return added === undefined ? made : add(s, made, added);
    },
  });
  const [scale, shift] = modulation(s.at("norm_out.linear"), temb, 2) as [Value, Value];
  const normal = modulatedNorm(s, last, [scale, shift], { width });
  return { sample: linear(s.at("proj_out"), normal) };
}

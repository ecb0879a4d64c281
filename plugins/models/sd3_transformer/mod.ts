/**
 * SD3Transformer2DModel: the denoiser of Stable Diffusion 3 and 3.5 (Esser et al., 2024,
 * arXiv:2403.03206): blocks in which text and image have weights of their own and attend to each other.
 * Positions are a table of sines, of which the middle is cut out.
 *
 * @example
 * ```ts ignore
 * import { SD3Transformer2DModel } from "@denoise/denoise";
 *
 * const transformer = await SD3Transformer2DModel.fromPretrained(
 *   "stabilityai/stable-diffusion-3.5-medium",
 *   { subfolder: "transformer" },
 * );
 * console.log(transformer.config.dual_attention_layers);
 * ```
 *
 * @module
 */
import { type FrozenConfig, type Model, type ModelClass, Tensor } from "@denoise/core";
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
  croppedPositions,
  modulatedNorm,
  modulation,
  resampleAtTime,
  sd3Block,
  timeTextEmbedding,
  unpatchify,
} from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import { add, conv2d, linear, slice, toTokens, where } from "@denoise/onnx/nn";
import { schema, type SD3TransformerConfig } from "./config.ts";

export type { SD3TransformerConfig };

/** What an SD3Transformer2DModel is given beside latents and timestep. */
export interface SD3TransformerOptions {
  /** States of the text, float32 [N, text tokens, joint_attention_dim]. */
  readonly encoderHiddenStates: Tensor;
  /** The pooled text, float32 [N, pooled_projection_dim]. */
  readonly pooledProjections: Tensor;
  /** Blocks that are left out, counted from 0. */
  readonly skipLayers?: readonly number[] | undefined;
  /** What a ControlNet adds after the blocks, each for some in a row, float32 [N, tokens, width]. */
  readonly blockControlnetHiddenStates?: readonly Tensor[] | undefined;
  /** The states of the image that an IP-Adapter follows, float32 [N, patches, width]; none by default. */
  readonly imageEmbeds?: Tensor | undefined;
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
}

/** A loaded SD3Transformer2DModel. */
export interface SD3Transformer2DModel extends Model<SD3TransformerConfig>, StepCached {
  /**
   * The velocity from data to noise, float32 [N, out_channels, h, w].
   *
   * @param hiddenStates Latents, float32 [N, in_channels, h, w]; sides are multiples of patch_size.
   * @param timestep 0..1000, for all rows or for each.
   */
  forward(
    hiddenStates: Tensor,
    timestep: number | readonly number[],
    options: SD3TransformerOptions,
  ): Promise<{ sample: Tensor }>;
  /** What the IP-Adapter takes of an image, where there is one: the states of its patches. */
  imagePrompts(): readonly "states"[];
  /**
   * Latents as tokens with their positions, which ControlNets without positions of their own are given.
   *
   * @param latents float32 [N, in_channels, h, w].
   * @returns float32 [N, tokens, width].
   */
  embed(latents: Tensor): Promise<Tensor>;
}

/** What is put before the inputs for residuals of ControlNets, one for each block but the last. */
const RESIDUAL = "block_controlnet_hidden_states";

/** Where an IP-Adapter makes tokens of an image. */
const IMAGE_PROJECTION = "image_proj";

type Config = FrozenConfig<SD3TransformerConfig>;
type Inputs = Readonly<Record<string, Value>>;

/** The denoiser of Stable Diffusion 3; `SD3Transformer2DModel` of diffusers. */
export const SD3Transformer2DModel: ModelClass<SD3Transformer2DModel> = defineModel<
  SD3TransformerConfig,
  SD3Transformer2DModel
>({
  className: "SD3Transformer2DModel",
  schema,
  graphs: {
    forward: {
      inputs: (config, added) => ({
        hidden_states: float32("batch", config.in_channels, "height", "width"),
        encoder_hidden_states: float32("batch", "text", config.joint_attention_dim),
        pooled_projections: float32("batch", config.pooled_projection_dim),
        timestep: timesteps(),
        run_layers: optional({ dtype: "bool", dims: [config.num_layers] }),
        ...residualPorts(config),
        ...(added(IMAGE_PROJECTION)
          ? { image_embeds: optional(float32("batch", "patches", "image_width")) }
          : {}),
      }),
      build,
    },
    embed: {
      inputs: (config) => ({
        hidden_states: float32("batch", config.in_channels, "height", "width"),
      }),
      build: (s, config, { hidden_states }) => ({ tokens: embed(s, hidden_states!, config) }),
    },
  },
  methods: (model) => ({
    imagePrompts: () => model.added(IMAGE_PROJECTION) ? ["states"] : [],
    async forward(hiddenStates, timestep, options) {
      const { num_layers, patch_size, pos_embed_max_size } = model.config;
      checkSides(hiddenStates.dims, patch_size, pos_embed_max_size);
      const { skipLayers } = options;
      const { sample } = await model.run("forward", {
        hidden_states: hiddenStates,
        encoder_hidden_states: options.encoderHiddenStates,
        pooled_projections: options.pooledProjections,
        timestep: timestepTensor(timestep, hiddenStates.dims[0]!),
        run_layers: skipLayers && layersLeft(num_layers, skipLayers),
        ...residualInputs(num_layers, options.blockControlnetHiddenStates ?? []),
        image_embeds: options.imageEmbeds,
      }, { signal: options.signal });
      return { sample: sample! };
    },
    async embed(latents) {
      const { patch_size, pos_embed_max_size } = model.config;
      checkSides(latents.dims, patch_size, pos_embed_max_size);
      const { tokens } = await model.run("embed", { hidden_states: latents });
      return tokens!;
    },
  }),
});

function checkSides(dims: readonly number[], patch: number, most: number): void {
  const sides = dims.slice(2);
  if (sides.every((side) => side % patch === 0 && side / patch <= most)) return;
  throw new RangeError(
    `Cannot denoise latents of ${
      sides.join(" x ")
    }: each side must be a multiple of ${patch} and ` +
      `at most ${patch * most}`,
  );
}

/** For each block whether it runs: bool [layers]. */
function layersLeft(layers: number, skipped: readonly number[]): Tensor {
  const wrong = skipped.find((layer) => !(Number.isInteger(layer) && layer >= 0 && layer < layers));
  if (wrong !== undefined) {
    throw new RangeError(`Cannot skip layer ${wrong}: layers are counted from 0 to ${layers - 1}`);
  }
  const left = Array.from({ length: layers }, (_, i) => skipped.includes(i) ? 0 : 1);
  return new Tensor("bool", Uint8Array.from(left), [layers]);
}

function residualPorts(config: Config): Record<string, Port> {
  const port = optional(float32("batch", "tokens", widthOf(config)));
  return Object.fromEntries(
    Array.from({ length: config.num_layers - 1 }, (_, i) => [`${RESIDUAL}_${i}`, port]),
  );
}

/** The residual of each block: a ControlNet has fewer, which then stand for several in a row. */
function residualInputs(layers: number, given: readonly Tensor[]): Record<string, Tensor> {
  if (given.length === 0) return {};
  const each = layers / given.length;
  return Object.fromEntries(
    Array.from(
      { length: layers - 1 },
      (_, i) => [`${RESIDUAL}_${i}`, given[Math.trunc(i / each)]!],
    ),
  );
}

/** Latents as tokens with their positions, [N, tokens, C]. */
function embed(s: Scope, latents: Value, { patch_size: patch, ...config }: Config): Value {
  const module = s.at("pos_embed");
  const tokens = toTokens(s, conv2d(module.at("proj"), latents, { stride: patch }));
  const table = module.tensor("pos_embed");
  const places = { patch, size: config.pos_embed_max_size };
  return add(s, tokens, croppedPositions(s, table, latents, places));
}

function build(s: Scope, config: Config, inputs: Inputs): Inputs {
  const { hidden_states, encoder_hidden_states, pooled_projections, timestep, run_layers } = inputs;
  const { patch_size: patch, num_layers, out_channels } = config;
  const temb = timeTextEmbedding(s.at("time_text_embed"), timestep!, pooled_projections!);
  let image = embed(s, hidden_states!, config);
  const { image_embeds } = inputs;
  const followed = image_embeds && resampleAtTime(s.at(IMAGE_PROJECTION), image_embeds, timestep!);
  let text: Value | undefined = linear(s.at("context_embedder"), encoder_hidden_states!);
  s.graph.markBlock([image, text]);
  for (let i = 0; i < num_layers; i++) {
    const [nextText, nextImage] = sd3Block(s.at("transformer_blocks", i), [text!, image], temb, {
      heads: config.num_attention_heads,
      width: widthOf(config),
      isNormed: config.qk_norm !== null,
      dual: config.dual_attention_layers.includes(i),
      isLast: i === num_layers - 1,
      followed,
    });
    const runs = run_layers && slice(s, run_layers, 0, i, i + 1);
    image = runs === undefined ? nextImage : where(s, runs, nextImage, image);
    const residual = inputs[`${RESIDUAL}_${i}`];
    if (residual !== undefined) image = add(s, image, residual);
    text = runs === undefined || nextText === undefined
      ? nextText
      : where(s, runs, nextText, text!);
    s.graph.markBlock(text === undefined ? [image] : [image, text]);
  }
  const [scale, shift] = modulation(s.at("norm_out.linear"), temb, 2) as [Value, Value];
  const normal = modulatedNorm(s, image, [scale, shift], { width: widthOf(config) });
  const out = linear(s.at("proj_out"), normal);
  return { sample: unpatchify(s, out, hidden_states!, { patch, channels: out_channels }) };
}

/** Channels of a token inside. */
function widthOf({ num_attention_heads, attention_head_dim }: Config): number {
  return num_attention_heads * attention_head_dim;
}

/**
 * SD3Transformer2DModel: the denoiser of Stable Diffusion 3 and 3.5 (Esser et al., 2024,
 * arXiv:2403.03206): blocks in which text and image have weights of their own and attend to each other.
 * Positions are a table of sines, of which the middle is cut out.
 *
 * Not covered: `block_controlnet_hidden_states`, `ip_adapter_image_embeds`.
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
import { defineModel, float32, optional, timesteps, timestepTensor } from "@denoise/onnx";
import type { StepCached } from "@denoise/roles";
import {
  croppedPositions,
  feedForward,
  jointAttention,
  modulatedNorm,
  modulation,
  projectHeads,
  timeTextEmbedding,
  unpatchify,
} from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import { add, conv2d, linear, mul, slice, toTokens, where } from "@denoise/onnx/nn";
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
}

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
      inputs: (config) => ({
        hidden_states: float32("batch", config.in_channels, "height", "width"),
        encoder_hidden_states: float32("batch", "text", config.joint_attention_dim),
        pooled_projections: float32("batch", config.pooled_projection_dim),
        timestep: timesteps(),
        run_layers: optional({ dtype: "bool", dims: [config.num_layers] }),
      }),
      build,
    },
  },
  methods: (model) => ({
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
      }, { signal: options.signal });
      return { sample: sample! };
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

function build(s: Scope, config: Config, inputs: Inputs): Inputs {
  const { hidden_states, encoder_hidden_states, pooled_projections, timestep, run_layers } = inputs;
  const { patch_size: patch, num_layers, out_channels } = config;
  const temb = timeTextEmbedding(s.at("time_text_embed"), timestep!, pooled_projections!);
  const embed = s.at("pos_embed");
  const tokens = toTokens(s, conv2d(embed.at("proj"), hidden_states!, { stride: patch }));
  const table = embed.tensor("pos_embed");
  let image = add(
    s,
    tokens,
    croppedPositions(s, table, hidden_states!, { patch, size: config.pos_embed_max_size }),
  ); // [N, tokens, C]
  let text: Value | undefined = linear(s.at("context_embedder"), encoder_hidden_states!);
  s.graph.markBlock([image, text]);
  for (let i = 0; i < num_layers; i++) {
    const [nextText, nextImage] = block(s.at("transformer_blocks", i), [text!, image], temb, {
      config,
      dual: config.dual_attention_layers.includes(i),
      isLast: i === num_layers - 1,
    });
    const runs = run_layers && slice(s, run_layers, 0, i, i + 1);
    image = runs === undefined ? nextImage : where(s, runs, nextImage, image);
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

/** Text and image attend to each other, each with weights of its own (`JointTransformerBlock`). */
function block(
  s: Scope,
  [text, image]: readonly [text: Value, image: Value],
  temb: Value,
  { config, dual, isLast }: {
    readonly config: Config;
    readonly dual: boolean;
    readonly isLast: boolean;
  },
): [text: Value | undefined, image: Value] {
  const attn = s.at("attn");
  const heads = config.num_attention_heads;
  const width = widthOf(config);
  const isNormed = config.qk_norm !== null;
  const imageTime = modulation(s.at("norm1.linear"), temb, dual ? 9 : 6);
  const textTime = modulation(s.at("norm1_context.linear"), temb, isLast ? 2 : 6);
  const [shift, scale] = imageTime as [Value, Value];
  // of the last block, which makes nothing of the text, scale comes first
  const [textScale, textShift] = (isLast ? textTime : [textTime[1], textTime[0]]) as [Value, Value];
  const imageNormal = modulatedNorm(s, image, [scale, shift], { width });
  const textNormal = modulatedNorm(s, text, [textScale, textShift], { width });
  const [seen, textSeen] = jointAttention(attn, [
    projectHeads(attn, imageNormal, { heads, norms: isNormed ? undefined : null }),
    projectHeads(attn, textNormal, {
      heads,
      names: ["add_q_proj", "add_k_proj", "add_v_proj"],
      norms: isNormed ? ["norm_added_q", "norm_added_k"] : null,
    }),
  ], { heads }) as [Value, Value];
  const made = linear(attn.at("to_out.0"), seen);
  let x = add(s, image, mul(s, imageTime[2]!, made));
  if (dual) {
    const second = s.at("attn2");
    const [shift2, scale2, gate2] = imageTime.slice(6) as [Value, Value, Value];
    const normal = modulatedNorm(s, image, [scale2, shift2], { width });
    const projected = projectHeads(second, normal, { heads, norms: isNormed ? undefined : null });
    const [own] = jointAttention(second, [projected], { heads }) as [Value];
    x = add(s, x, mul(s, gate2, linear(second.at("to_out.0"), own)));
  }
  const fed = (name: string, value: Value, time: readonly Value[]): Value => {
    const normal = modulatedNorm(s, value, [time[4]!, time[3]!], { width });
    const made = feedForward(s.at(name), normal, { activation: "gelu-approximate" });
    return add(s, value, mul(s, time[5]!, made));
  };
  const nextImage = fed("ff", x, imageTime);
  if (isLast) {
    s.graph.markModule(attn.path, [made]);
    return [undefined, nextImage];
  }
  const madeOfText = linear(attn.at("to_add_out"), textSeen);
  s.graph.markModule(attn.path, [made, madeOfText]);
  const nextText = add(s, text, mul(s, textTime[2]!, madeOfText));
  return [fed("ff_context", nextText, textTime), nextImage];
}

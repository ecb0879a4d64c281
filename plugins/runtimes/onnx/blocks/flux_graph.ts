import type { FrozenConfig, Model, Tensor } from "@denoise/core";
import type { StepCached } from "@denoise/roles";
import type { Scope, Value } from "../graph/mod.ts";
import {
  float32,
  type GraphDefinition,
  type Runner,
  timesteps,
  timestepTensor,
} from "../model_definition.ts";
import { concat, linear, mul, rotaryEmbedding } from "../nn/mod.ts";
import { type FluxBlockOptions, fluxBlocks } from "./flux_blocks.ts";
import { modulatedNorm, modulation } from "./modulation.ts";

/** What the options of transformers of FLUX.1's blocks say alike. */
export interface FluxGraphConfig {
  /** Channels of a token. */
  readonly in_channels: number;
  /** Blocks in which text and image have weights of their own. */
  readonly num_layers: number;
  /** Blocks in which they share them. */
  readonly num_single_layers: number;
  /** Width of a head. */
  readonly attention_head_dim: number;
  /** How many heads. */
  readonly num_attention_heads: number;
  /** Width of the text's states. */
  readonly joint_attention_dim: number;
  /** Channels of a head for each axis of the positions. */
  readonly axes_dims_rope: readonly number[];
}

/** What such a transformer is given beside tokens and timestep. */
export interface FluxGraphOptions {
  /** States of the text, float32 [N, text tokens, joint_attention_dim]. */
  readonly encoderHiddenStates: Tensor;
  /** Coordinates of the image's tokens, float32 [tokens, axes]. */
  readonly imgIds: Tensor;
  /** Coordinates of the text's tokens, float32 [text tokens, axes]. */
  readonly txtIds: Tensor;
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
}

/** A loaded transformer of FLUX.1's blocks that is given time and a text's states. */
export interface FluxGraphModel<C extends object> extends Model<C>, StepCached {
  /**
   * The velocity from data to noise at each token, float32 [N, tokens, channels].
   *
   * @param hiddenStates Packed latents, float32 [N, tokens, in_channels].
   * @param timestep 0..1, for all rows or for each: the share of noise.
   */
  forward(
    hiddenStates: Tensor,
    timestep: number | readonly number[],
    options: FluxGraphOptions,
  ): Promise<{ sample: Tensor }>;
}

/** What tells such transformers from each other. */
export interface FluxGraphParts {
  /** The vector that stands for the time, [N, C], of 0..1000. */
  time(s: Scope, timestep: Value): Value;
  /** What is done to the text's states first. Defaults to nothing. */
  text?(s: Scope, states: Value): Value;
  /** What is between the linear layers of feed forwards. */
  readonly activation: FluxBlockOptions["activation"];
}

/** The graph of a transformer of FLUX.1's blocks that is given time and a text's states alone. */
export function fluxGraph<C extends FluxGraphConfig>(parts: FluxGraphParts): GraphDefinition<C> {
  return {
    inputs: (config) => ({
      hidden_states: float32("batch", "tokens", config.in_channels),
      encoder_hidden_states: float32("batch", "text", config.joint_attention_dim),
      timestep: timesteps(),
      img_ids: { ...float32("tokens", config.axes_dims_rope.length), exact: true },
      txt_ids: { ...float32("text", config.axes_dims_rope.length), exact: true },
    }),
    build: (s, config, inputs): Readonly<Record<string, Value>> => build(s, config, inputs, parts),
  };
}

function build(
  s: Scope,
  config: FrozenConfig<FluxGraphConfig>,
  inputs: Readonly<Record<string, Value>>,
  { time, text: prepared = (_, states) => states, activation }: FluxGraphParts,
): { sample: Value } {
  const { img_ids, txt_ids, hidden_states, encoder_hidden_states, timestep } = inputs;
  const temb = time(s, mul(s, timestep!, 1000));
  const width = config.num_attention_heads * config.attention_head_dim;
  const ids = concat(s, [txt_ids!, img_ids!], 0);
  const text = linear(s.at("context_embedder"), prepared(s, encoder_hidden_states!)); // [N, text, C]
  const image = linear(s.at("x_embedder"), hidden_states!); // [N, tokens, C]
  const last = fluxBlocks(s, [text, image], {
    double: config.num_layers,
    single: config.num_single_layers,
    heads: config.num_attention_heads,
    width,
    activation,
    rotary: rotaryEmbedding(s, ids, { widths: config.axes_dims_rope }),
    doubleModulation: (block) => [
      modulation(block.at("norm1_context.linear"), temb, 6),
      modulation(block.at("norm1.linear"), temb, 6),
    ],
    singleModulation: (block) => modulation(block.at("norm.linear"), temb, 3),
  });
  const [scale, shift] = modulation(s.at("norm_out.linear"), temb, 2) as [Value, Value];
  return { sample: linear(s.at("proj_out"), modulatedNorm(s, last, [scale, shift], { width })) };
}

/** The methods of a model of {@linkcode fluxGraph}. */
export function fluxGraphMethods(
  model: Pick<Runner<FluxGraphConfig>, "run">,
): Pick<FluxGraphModel<FluxGraphConfig>, "forward"> {
  return {
    async forward(hiddenStates, timestep, { encoderHiddenStates, imgIds, txtIds, signal }) {
      const { sample } = await model.run("forward", {
        hidden_states: hiddenStates,
        encoder_hidden_states: encoderHiddenStates,
        timestep: timestepTensor(timestep, hiddenStates.dims[0]!),
        img_ids: imgIds,
        txt_ids: txtIds,
      }, { signal });
      return { sample: sample! };
    },
  };
}

import type { Scope, Value } from "../graph/mod.ts";
import {
  activation,
  add,
  concat,
  embedding,
  linear,
  moreSizes,
  reshape,
  shapeOf,
  sinusoidalEmbedding,
} from "../nn/mod.ts";
import { fourierEmbedding, timestepEmbedding } from "./timestep_embedding.ts";

/** What shapes the embedding of a conditional UNet or ControlNet, as it stands in config.json. */
export interface ConditioningConfig {
  /** Channels of each level. */
  readonly block_out_channels: readonly number[];
  /** Width of the time embedding; four times the first level's channels when null. */
  readonly time_embedding_dim: number | null;
  /** How the timestep becomes a vector: sines, or random frequencies. */
  readonly time_embedding_type: "positional" | "fourier";
  /** Activation of the finished time embedding. */
  readonly time_embedding_act_fn: string | null;
  /** Activation at the end of the time embedding's layers. */
  readonly timestep_post_act: string | null;
  /** Activation, by its name in diffusers. */
  readonly act_fn: string;
  /** Whether cosines come before sines. */
  readonly flip_sin_to_cos: boolean;
  /** Taken from the number of frequencies. */
  readonly freq_shift: number;
  /** How a class label becomes a vector. */
  readonly class_embed_type: string | null;
  /** Whether the class vector is put beside the time embedding and not added. */
  readonly class_embeddings_concat: boolean;
  /** What is added to the time embedding: `"text_time"` as in SDXL. */
  readonly addition_embed_type: string | null;
  /** Frequencies for each of SDXL's sizes and crops. */
  readonly addition_time_embed_dim: number | null;
}

/** Inputs of a model by name. */
export type ConditioningInputs = Readonly<Record<string, Value>>;

/** Width of the time embedding. */
export function timeWidth(config: ConditioningConfig): number {
  const factor = config.time_embedding_type === "fourier" ? 2 : 4;
  return config.time_embedding_dim ?? config.block_out_channels[0]! * factor;
}

/**
 * Everything that tells the residual blocks of time, class, size and guidance.
 *
 * @param added What else is added, [N, E].
 * @returns [N, E].
 */
export function conditioning(
  s: Scope,
  config: ConditioningConfig,
  inputs: ConditioningInputs,
  added?: Value,
): Value {
  const { timestep, timestep_cond, class_labels } = inputs;
  let emb = timestepEmbedding(s.at("time_embedding"), timeProjection(s, config, timestep!), {
    activation: config.act_fn,
    postActivation: config.timestep_post_act,
    condition: timestep_cond,
  });
  if (class_labels !== undefined) {
    const label = classEmbedding(s, config, class_labels);
    emb = config.class_embeddings_concat ? concat(s, [emb, label], -1) : add(s, emb, label);
  }
  if (config.addition_embed_type === "text_time") {
    emb = add(s, emb, sizeEmbedding(s.at("add_embedding"), config, inputs));
  }
  if (added !== undefined) emb = add(s, emb, added);
  const { time_embedding_act_fn: name } = config;
  return name === null ? emb : activation(s, emb, name);
}

function timeProjection(s: Scope, config: ConditioningConfig, timestep: Value): Value {
  const flipSinToCos = config.flip_sin_to_cos;
  return config.time_embedding_type === "fourier"
    ? fourierEmbedding(s.at("time_proj"), timestep, { log: false, flipSinToCos })
    : sinusoidalEmbedding(s.at("time_proj"), timestep, {
      width: config.block_out_channels[0]!,
      flipSinToCos,
      downscaleFreqShift: config.freq_shift,
    });
}

function classEmbedding(s: Scope, config: ConditioningConfig, labels: Value): Value {
  const module = s.at("class_embedding");
  switch (config.class_embed_type) {
    case "timestep":
      return timestepEmbedding(module, timeProjection(s, config, labels), {
        activation: config.act_fn,
      });
    case "identity":
      return labels;
    case "projection":
      return timestepEmbedding(module, labels);
    case "simple_projection":
      return linear(module, labels);
    default:
      return embedding(module, labels);
  }
}

/**
 * SDXL: the pooled text with the embedded sizes and crops (arXiv:2307.01952, section 2.2), [N, E].
 *
 * @param inputs `text_embeds` [N, D] and `time_ids` [N, ids].
 */
export function sizeEmbedding(
  s: Scope,
  config: Pick<ConditioningConfig, "addition_time_embed_dim" | "flip_sin_to_cos" | "freq_shift">,
  { text_embeds, time_ids }: ConditioningInputs,
): Value {
  const sizes = sinusoidalEmbedding(s.at("time_proj"), reshape(s, time_ids!, [-1]), {
    width: config.addition_time_embed_dim!,
    flipSinToCos: config.flip_sin_to_cos,
    downscaleFreqShift: config.freq_shift,
  }); // [N·ids, width]
  const rows = moreSizes(s, shapeOf(s, text_embeds!, 0, 1), { after: [-1] });
  const flat = s.op("Reshape", [sizes, rows]); // [N, ids·width]
  return timestepEmbedding(s, concat(s, [text_embeds!, flat], -1));
}

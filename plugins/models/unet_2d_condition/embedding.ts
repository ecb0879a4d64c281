import type { FrozenConfig } from "@denoise/core";
import { fourierEmbedding, timestepEmbedding } from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  activation,
  add,
  concat,
  embedding,
  linear,
  reshape,
  shapeOf,
  sinusoidalEmbedding,
} from "@denoise/onnx/nn";
import type { UNet2DConditionConfig } from "./config.ts";

type Config = FrozenConfig<UNet2DConditionConfig>;
type Inputs = Readonly<Record<string, Value>>;

/** Width of the time embedding. */
export function timeWidth(config: Config): number {
  const factor = config.time_embedding_type === "fourier" ? 2 : 4;
  return config.time_embedding_dim ?? config.block_out_channels[0]! * factor;
}

/** Everything that tells the residual blocks of time, class, size and guidance: [N, E]. */
export function conditioning(s: Scope, config: Config, inputs: Inputs): Value {
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
    emb = add(s, emb, sizeEmbedding(s, config, inputs));
  }
  const { time_embedding_act_fn: name } = config;
  return name === null ? emb : activation(s, emb, name);
}

function timeProjection(s: Scope, config: Config, timestep: Value): Value {
  const flipSinToCos = config.flip_sin_to_cos;
  return config.time_embedding_type === "fourier"
    ? fourierEmbedding(s.at("time_proj"), timestep, { log: false, flipSinToCos })
    : sinusoidalEmbedding(s.at("time_proj"), timestep, {
      width: config.block_out_channels[0]!,
      flipSinToCos,
      downscaleFreqShift: config.freq_shift,
    });
}

function classEmbedding(s: Scope, config: Config, labels: Value): Value {
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

/** SDXL: the pooled text with the embedded sizes and crops (arXiv:2307.01952, section 2.2). */
function sizeEmbedding(s: Scope, config: Config, { text_embeds, time_ids }: Inputs): Value {
  const sizes = sinusoidalEmbedding(s.at("add_time_proj"), reshape(s, time_ids!, [-1]), {
    width: config.addition_time_embed_dim!,
    flipSinToCos: config.flip_sin_to_cos,
    downscaleFreqShift: config.freq_shift,
  }); // [N·ids, width]
  const rows = concat(s, [shapeOf(s, text_embeds!, 0, 1), s.ints([-1])], 0);
  const flat = s.op("Reshape", [sizes, rows]); // [N, ids·width]
  return timestepEmbedding(s.at("add_embedding"), concat(s, [text_embeds!, flat], -1));
}

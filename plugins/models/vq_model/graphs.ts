import { float32, type GraphDefinition, int64, type Port } from "@denoise/onnx";
import { imageDecoder, imageEncoder } from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  add,
  concat,
  conv2d,
  embedding,
  expand,
  fromTokens,
  matMul,
  mean,
  mul,
  relu,
  reshape,
  shapeOf,
  sub,
  toTokens,
  transpose,
} from "@denoise/onnx/nn";
import type { VQModelConfig } from "./config.ts";

/** Channels of latents and of the codebook's vectors. */
function width({ vq_embed_dim, latent_channels }: VQModelConfig): number {
  return vq_embed_dim ?? latent_channels;
}

function latentPort(config: VQModelConfig): Port {
  return float32("batch", width(config), "height", "width");
}

/** Images to latents. */
export const encode: GraphDefinition<VQModelConfig> = {
  bands: 8, // nine places of 256 channels at 512x512: 75 MB in a band
  inputs: (config) => ({ sample: float32("batch", config.in_channels, "height", "width") }),
  build(s, config, { sample }) {
    const x = imageEncoder(s.at("encoder"), sample!, config); // [N, L, h, w]
    return { latents: conv2d(s.at("quant_conv"), x) };
  },
};

/** x² for each row: [rows, 1]. */
function squares(s: Scope, x: Value): Value {
  return s.op("ReduceSumSquare", [x, s.ints([1])], { keepdims: 1 });
}

/** A column of ones beside [rows, ...]. */
function ones(s: Scope, x: Value): Value {
  return expand(s, s.floats([1], [1, 1]), concat(s, [shapeOf(s, x, 0, 1), s.ints([1])], 0));
}

/**
 * The nearest vector of the codebook for each row of `z` [rows, E]. Distances are taken as torch's
 * `cdist` takes those of many rows: [−2z, z², 1]·[e, 1, e²].
 */
function nearest(s: Scope, z: Value): Value {
  const codes = s.at("embedding").tensor("weight"); // [codes, E]
  const rows = concat(s, [mul(s, z, -2), squares(s, z), ones(s, z)], 1);
  const columns = concat(s, [codes, ones(s, codes), squares(s, codes)], 1);
  const squared = matMul(s, rows, transpose(s, columns, [1, 0])); // [rows, codes]
  const distances = s.op("Sqrt", [relu(s, squared)]);
  return s.op("ArgMin", [distances], { axis: 1, keepdims: 0 }, { dtype: "int64" }); // [rows]
}

/** What the reference multiplies the second half of its loss with. */
const BETA = 0.25;

/** Latents to the nearest vectors of the codebook (`VectorQuantizer`). */
export const quantize: GraphDefinition<VQModelConfig> = {
  inputs: (config) => ({ latents: latentPort(config) }),
  build(s, config, { latents }) {
    const module = s.at("quantize");
    const z = reshape(s, toTokens(s, latents!), [-1, width(config)]); // [N·h·w, E]
    const indices = nearest(module, z);
    const found = sub(s, embedding(module.at("embedding"), indices), z);
    const tokens = reshape(s, add(s, z, found), [0, width(config)]);
    const rows = concat(s, [shapeOf(s, latents!, 0, 1), s.ints([-1, width(config)])], 0);
    return {
      quantized: fromTokens(s, s.op("Reshape", [tokens, rows]), latents!),
      indices,
      commit_loss: mul(s, mean(s, mul(s, found, found), [0, 1], false), 1 + BETA),
    };
  },
};

/** Rows of the codebook by number, in the place of latents. */
export const lookup: GraphDefinition<VQModelConfig> = {
  inputs: () => ({ indices: int64("batch", "height", "width") }),
  build: (s, _config, { indices }) => ({
    quantized: transpose(s, embedding(s.at("quantize.embedding"), indices!), [0, 3, 1, 2]),
  }),
};

/** Vectors of the codebook to images. */
export const decode: GraphDefinition<VQModelConfig> = {
  bands: 8, // nine places of 256 channels at 512x512: 75 MB in a band
  inputs: (config) => ({ quantized: latentPort(config) }),
  build(s, config, { quantized }) {
    const x = conv2d(s.at("post_quant_conv"), quantized!);
    const latents = config.norm_type === "spatial" ? quantized : undefined;
    return { sample: imageDecoder(s.at("decoder"), x, config, latents) };
  },
};

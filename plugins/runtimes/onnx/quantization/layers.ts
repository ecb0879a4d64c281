import type { StoredTensor } from "@denoise/safetensors";
import type { Method } from "./method.ts";

/**
 * Modules whose weights stay as they are: what an image or latents first go through and last come out
 * of, embeddings of timesteps, sizes, classes and guidance, and what a ControlNet hands over. They are
 * small, and their errors reach everything.
 */
const KEPT = new RegExp(
  "^((en|de)coder\\.)?(conv_in|conv_out|layers\\.0)$|^(post_)?quant_conv$|" +
    "time_embedding|time_proj|time_text_embed|time_embed|add_embedding|class_embedding|guidance_embed|" +
    "^(patch_embed|pos_embed|x_embedder|context_embedder|proj_in|proj_out|norm_out)\\b|" +
    "^controlnet_",
);

/** What adds the timestep to a block: small beside it, and its errors reach every pixel of it. */
const TIME = /\btime_emb_proj$/;

/** Below so many numbers in or out, a product is as fast in float32. */
const NARROWEST = 32;

/**
 * Whether a layer's weight is quantized.
 *
 * @param kind Of blocks, whose layers take numbers as they are, the timestep's layers are too.
 */
export function isQuantized(
  module: string,
  { dims }: StoredTensor,
  kind: Method["kind"],
): boolean {
  if (KEPT.test(module) || (kind === "int8" && TIME.test(module))) return false;
  const [out, input] = dims as [number, number];
  const places = dims.slice(2).reduce((product, size) => product * size, 1);
  return out >= NARROWEST && input * places >= 2 * NARROWEST;
}

import type { StoredTensor } from "@denoise/safetensors";

/**
 * Modules whose weights stay as they are: what an image or latents first go through and last come out
 * of, embeddings of timesteps, sizes, classes and guidance, and what a ControlNet hands over. They are
 * small, and their errors reach everything.
 */
const KEPT = new RegExp(
  "^((en|de)coder\\.)?(conv_in|conv_out|layers\\.0)$|^(post_)?quant_conv$|" +
    "time_emb|time_proj|time_text_embed|time_embed|add_embedding|class_embedding|guidance_embed|" +
    "^(patch_embed|pos_embed|x_embedder|context_embedder|proj_in|proj_out|norm_out)\\b|" +
    "^controlnet_",
);

/** Below so many numbers in or out, a product is as fast in float32. */
const NARROWEST = 32;

/** Whether a layer's weight is quantized. */
export function isQuantized(module: string, { dims }: StoredTensor): boolean {
  if (KEPT.test(module)) return false;
  const [out, input] = dims as [number, number];
  const places = dims.slice(2).reduce((product, size) => product * size, 1);
  return out >= NARROWEST && input * places >= 2 * NARROWEST;
}

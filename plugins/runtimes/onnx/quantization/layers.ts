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
 * Weights of `"int8"` that have fewer numbers than this, and less than a hundredth of all, stay as they are: they are
 * little memory and few of the products, and a model has such layers where it has most pixels, so that
 * their errors reach the image as they are. Stable Diffusion's UNet has none but shortcuts.
 */
const SMALLEST = 100_000;

/**
 * Layers whose inputs no normalization comes before: the sum of all blocks so far, and what a gate has
 * multiplied. A few of their numbers are far larger than all others, to which they would leave no levels, so
 * that they are rounded in blocks. The embedded model's UNet is 2.3 % off float32 in a call without that, and
 * 1.1 % with it: of its shortcuts alone it was 2.0 %, of these feed-forward layers 0.8 %, of all others
 * at most 0.5 %.
 */
const UNEVEN = new RegExp(
  "\\b(conv_shortcut|net\\.2|feed_forward\\.(linear_2|w2)|(mlp|feed_forward)\\.down_proj|" +
    "ff(_context)?\\.(linear_out|out_projection)|" +
    "single_transformer_blocks\\.\\d+\\.(proj_out|attn\\.to_out))$",
);

const FINE: Method = { kind: "blocks", bits: 8, blockSize: 64, roundsInput: true };

/** How a layer's weight is quantized. */
export function methodOfLayer(module: string, method: Method): Method {
  return method.kind === "int8" && UNEVEN.test(module) ? FINE : method;
}

/**
 * The weights that are quantized, of those that layers multiply with.
 *
 * @param isFullSize Images of full size go through the model, an autoencoder: convolutions in blocks, which have
 *   the nine places under a kernel side by side in float32, take longer there than the weights are worth. Of
 *   Stable Diffusion's decoder they are a tenth of the memory; in 4 bits, 512x512 took 19.5 s in the place of 12.8.
 */
export function quantizedLayers<T extends readonly [string, StoredTensor]>(
  factors: readonly T[],
  kind: Method["kind"],
  isFullSize: boolean,
): T[] {
  const wide = factors.filter(([name, stored]) => isQuantized(moduleOf(name), stored, kind));
  if (kind === "blocks") {
    const isKernel = (dims: readonly number[]) => dims.slice(2).some((size) => size > 1);
    return isFullSize ? wide.filter(([, { dims }]) => !isKernel(dims)) : wide;
  }
  const sizes = wide.map(([, { dims }]) => dims.reduce((product, size) => product * size, 1));
  const least = Math.min(SMALLEST, sizes.reduce((sum, size) => sum + size, 0) / 100);
  return wide.filter((_, i) => sizes[i]! >= least);
}

/** The module of a weight by its name. */
export function moduleOf(name: string): string {
  return name.slice(0, -".weight".length);
}

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

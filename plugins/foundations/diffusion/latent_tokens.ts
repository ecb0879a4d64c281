import type { Tensor } from "@denoise/core";

/** Latents [N, C, h, w] as a row of tokens, [N, h·w, C]. */
export function latentsToTokens(latents: Tensor): Tensor {
  const [n, c, h, w] = latents.dims as readonly [number, number, number, number];
  return latents.reshape([n, c, h * w]).permute([0, 2, 1]);
}

/** The reverse of {@linkcode latentsToTokens}, for latents of `height` and `width`. */
export function tokensToLatents(tokens: Tensor, height: number, width: number): Tensor {
  const [n, , c] = tokens.dims as readonly [number, number, number];
  return tokens.permute([0, 2, 1]).reshape([n, c, height, width]);
}

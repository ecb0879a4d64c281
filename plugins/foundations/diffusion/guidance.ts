import { type Scheduler, Tensor } from "@denoise/core";

/**
 * Classifier-free guidance: ε = ε_uncond + scale · (ε_text − ε_uncond).
 *
 * Equation 2 of Imagen (arXiv:2205.11487); equation 6 of Ho and Salimans (arXiv:2207.12598) with
 * w = scale − 1.
 *
 * @param prediction Output of the model for `[uncond, text]`, float32 [2N, C, H, W].
 * @param scale Guidance scale, above 1.
 * @param rescale How much of the text prediction's contrast is given back, 0..1; see
 *   {@linkcode rescaleGuidance}.
 * @returns float32 [N, C, H, W].
 */
export function guide(prediction: Tensor, scale: number, rescale = 0): Tensor {
  const [uncond, text] = prediction.chunk(2) as [Tensor, Tensor];
  const guided = uncond.add(text.sub(uncond).mul(scale));
  return rescale > 0 ? rescaleGuidance(guided, text, rescale) : guided;
}

/**
 * The same of predictions that hold a variance beside the noise, which is that for what is wanted (`split` of the
 * pipelines whose models learned the variance).
 *
 * @param prediction Output of the model for `[uncond, text]`, float32 [2N, C or 2C, H, W].
 * @param channels C.
 * @returns float32 [N, C or 2C, H, W].
 */
export function guideBesideVariance(prediction: Tensor, channels: number, scale: number): Tensor {
  const [uncond, text] = prediction.chunk(2) as [Tensor, Tensor];
  const noise = (x: Tensor) => x.slice(1, 0, channels);
  const guided = noise(uncond).add(noise(text).sub(noise(uncond)).mul(scale));
  return text.dims[1] === channels ? guided : Tensor.cat([guided, text.slice(1, channels)], 1);
}

/**
 * What a scheduler takes of such a prediction: the variance only where it was learned for it.
 *
 * @param prediction float32 [N, C or 2C, H, W].
 * @param channels C.
 */
export function withLearnedVariance(
  prediction: Tensor,
  channels: number,
  { config }: Pick<Scheduler, "config">,
): Tensor {
  const { variance_type } = config as { variance_type?: string };
  const isLearned = variance_type === "learned" || variance_type === "learned_range";
  return isLearned ? prediction : prediction.slice(1, 0, channels);
}

/** How a prediction is guided. */
export interface Guidance {
  /** Whether it is guided at all. */
  readonly guidance: boolean;
  /** Guidance scale, above 1. */
  readonly guidanceScale: number;
  /** How much of the text prediction's contrast is given back, 0..1. Defaults to 0. */
  readonly guidanceRescale?: number | undefined;
}

/**
 * What a model predicts, guided: with guidance it is called once, on its input twice over, for
 * `[uncond, text]`.
 *
 * @param input float32 [N, C, H, W].
 * @param call The model on [2N, C, H, W], or on [N, C, H, W] without guidance.
 * @returns float32 [N, C, H, W].
 */
export async function predictGuided(
  { guidance, guidanceScale, guidanceRescale }: Guidance,
  input: Tensor,
  call: (input: Tensor) => Promise<{ readonly sample: Tensor }>,
): Promise<Tensor> {
  if (!guidance) return (await call(input)).sample;
  const { sample } = await call(Tensor.cat([input, input]));
  return guide(sample, guidanceScale, guidanceRescale);
}

/**
 * Brings a guided prediction back to the standard deviation of the text prediction.
 *
 * Section 3.4 of "Common Diffusion Noise Schedules and Sample Steps are Flawed"
 * (arXiv:2305.08891).
 *
 * @param guided float32 [N, C, H, W].
 * @param text float32 [N, C, H, W].
 * @param rescale 0 leaves it as it is, 1 takes the rescaled one.
 */
export function rescaleGuidance(guided: Tensor, text: Tensor, rescale: number): Tensor {
  const axes = guided.dims.map((_, axis) => axis).slice(1);
  const options = { keepDims: true };
  const rescaled = guided.mul(text.std(axes, options).div(guided.std(axes, options)));
  return rescaled.mul(rescale).add(guided.mul(1 - rescale));
}

/**
 * The embedding of a guidance scale that latent consistency models take as `timestepCond`.
 *
 * @param scale The guidance scale minus 1.
 * @param count Rows, one for each sample.
 * @param width Width of the embedding.
 * @returns float32 [count, width]: sines, cosines, and a zero where the width is odd.
 */
export function guidanceScaleEmbedding(scale: number, count: number, width: number): Tensor {
  const half = Math.floor(width / 2);
  const rate = Math.fround(Math.fround(Math.log(10000)) / (half - 1));
  const angle = (i: number) => Math.fround(scale * 1000 * Math.fround(Math.exp(-i * rate)));
  const row = new Float32Array(width);
  for (let i = 0; i < half; i++) {
    row[i] = Math.sin(angle(i));
    row[half + i] = Math.cos(angle(i));
  }
  return new Tensor("float32", row, [1, width]).repeat([count, 1]);
}

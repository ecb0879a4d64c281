import { type ConfigSchema, float, Tensor } from "@denoise/core";
import { quantile32 } from "./_quantile.ts";

/** The part of a scheduler's config that keeps clean samples in range. */
export interface ClipConfig {
  /** Whether to threshold, which goes before clipping. */
  readonly thresholding?: boolean | undefined;
  /** The share of an image's values that is to stay within the threshold. */
  readonly dynamic_thresholding_ratio?: number | undefined;
  /** The largest threshold. */
  readonly sample_max_value?: number | undefined;
  /** Whether to clip. */
  readonly clip_sample?: boolean | undefined;
  /** The largest absolute value after clipping. */
  readonly clip_sample_range?: number | undefined;
}

/** The options of dynamic thresholding. */
export const thresholdOptions: ConfigSchema<
  Omit<ClipConfig, "clip_sample" | "clip_sample_range">
> = {
  thresholding: false,
  dynamic_thresholding_ratio: float(0.995),
  sample_max_value: float(1),
};

/** A predicted clean sample, thresholded or clipped as the config asks for. */
export function clipDenoised(denoised: Tensor, config: ClipConfig): Tensor {
  if (config.thresholding) return dynamicThreshold(denoised, config);
  if (!config.clip_sample) return denoised;
  const range = config.clip_sample_range ?? 1;
  return denoised.clamp(-range, range);
}

/**
 * Dynamic thresholding (Imagen, arXiv:2205.11487): s is the given quantile of an image's absolute
 * values, at least 1; the image is clipped to -s..s and divided by s.
 *
 * @param sample Clean samples [N, ...].
 * @param config Ratio 0.995 and largest threshold 1 by default.
 */
export function dynamicThreshold(sample: Tensor, config: ClipConfig = {}): Tensor {
  const { dynamic_thresholding_ratio: ratio = 0.995, sample_max_value: most = 1 } = config;
  const rows = (sample.dtype === "float16" ? sample.astype("float32") : sample)
    .reshape([sample.dims[0]!, -1]);
  const [count, length] = rows.dims as [number, number];
  const sizes = rows.abs().toFloat32Array();
  const limits = Float32Array.from({ length: count }, (_, i) => {
    const q = quantile32(sizes.subarray(i * length, (i + 1) * length), ratio);
    return Math.min(Math.max(q, 1), most);
  });
  const s = new Tensor("float32", limits, [count, 1]);
  return rows.maximum(s.neg()).minimum(s).div(s).reshape(sample.dims).astype(sample.dtype);
}

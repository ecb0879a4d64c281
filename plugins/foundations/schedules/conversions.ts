import { Tensor } from "@denoise/core";

/**
 * What a model predicts of a sample x = α·x0 + σ·ε: the noise ε, the clean sample x0, the velocity
 * v = α·ε − σ·x0, or the flow ε − x0 (where α = 1 − σ).
 */
export type PredictionType = "epsilon" | "sample" | "v_prediction" | "flow_prediction";

/** Signal and noise of a sample x = α·x0 + σ·ε. */
export interface SignalAndNoise {
  /** α: what the clean sample is multiplied with. */
  readonly alpha: number;
  /** σ: standard deviation of the noise. */
  readonly sigma: number;
}

/**
 * The clean sample x0 that follows from a prediction, with the float32 steps of the reference's
 * DDPM, DDIM and DPM-Solver schedulers.
 *
 * @param prediction One of {@linkcode PredictionType}.
 * @param sample x, any shape.
 * @param output What the model gave for it, same shape.
 * @throws {RangeError} for another prediction type.
 *
 * @example
 * ```ts
 * import { Tensor } from "@denoise/core";
 * import { toDenoised } from "@denoise/schedules";
 * import { assertEquals } from "@std/assert";
 *
 * const [x0, noise] = [Tensor.from([1, 2]), Tensor.from([4, -4])];
 * const level = { alpha: 0.5, sigma: 0.25 };
 * const x = x0.mul(level.alpha).add(noise.mul(level.sigma));
 * assertEquals(toDenoised("epsilon", x, noise, level).toNested(), [1, 2]);
 * ```
 */
export function toDenoised(
  prediction: string,
  sample: Tensor,
  output: Tensor,
  { alpha, sigma }: SignalAndNoise,
): Tensor {
  switch (prediction) {
    case "epsilon":
      return sample.sub(output.mul(sigma)).div(alpha);
    case "sample":
      return output;
    case "v_prediction":
      return sample.mul(alpha).sub(output.mul(sigma));
    case "flow_prediction":
      return sample.sub(output.mul(sigma));
    default:
      throw unknownPrediction(prediction);
  }
}

/** The noise ε that follows from a prediction; parameters and errors as {@linkcode toDenoised}. */
export function toNoise(
  prediction: string,
  sample: Tensor,
  output: Tensor,
  { alpha, sigma }: SignalAndNoise,
): Tensor {
  switch (prediction) {
    case "epsilon":
      return output;
    case "sample":
      return sample.sub(output.mul(alpha)).div(sigma);
    case "v_prediction":
      return output.mul(alpha).add(sample.mul(sigma));
    case "flow_prediction":
      return sample.add(output.mul(alpha));
    default:
      throw unknownPrediction(prediction);
  }
}

/**
 * The clean sample x0 where samples are x = x0 + σ·ε and the model is given x/√(σ² + 1), with the
 * float32 steps of the reference's Euler, Heun, LMS and KDPM2 schedulers.
 *
 * @param sigma σ of the sample.
 * @param churned σ after noise was added for this step, which `epsilon` goes by. Defaults to σ.
 */
export function denoisedAtSigma(
  prediction: string,
  sample: Tensor,
  output: Tensor,
  sigma: number,
  churned: number = sigma,
): Tensor {
  const f = Math.fround;
  const s = f(sigma);
  const variance = f(f(s * s) + 1);
  switch (prediction) {
    case "epsilon":
      return sample.sub(output.mul(churned));
    case "sample":
    case "original_sample":
      return output;
    case "v_prediction":
      return output.mul(-s / f(Math.sqrt(variance))).add(sample.div(variance));
    default:
      throw unknownPrediction(prediction);
  }
}

function unknownPrediction(prediction: string): RangeError {
  return new RangeError(
    'Cannot convert the model output: prediction_type must be one of "epsilon", "sample", ' +
      `"v_prediction", "flow_prediction", but is ${JSON.stringify(prediction)}`,
  );
}

/**
 * a·x + b·y with numbers of their own for each sample of the batch, or one for all: noise added to
 * clean samples (√ᾱ·x0 + √(1 − ᾱ)·ε) and the velocity (√ᾱ·ε − √(1 − ᾱ)·x).
 *
 * @param a One number for each entry of the first axis of x, or a single one.
 * @param b As a.
 * @throws {TypeError} when there are neither one nor as many numbers as samples.
 */
export function combineBatch(
  a: readonly number[],
  x: Tensor,
  b: readonly number[],
  y: Tensor,
): Tensor {
  return x.mul(perSample(a, x)).add(y.mul(perSample(b, y)));
}

/** Numbers as a tensor [N, 1, 1, ...] of the batch's type, one for each of its samples. */
export function perSample(values: readonly number[], batch: Tensor): Tensor {
  const [count] = batch.dims;
  if (values.length !== 1 && values.length !== count) {
    throw new TypeError(
      `Cannot match ${values.length} numbers with a batch of ${count}: give one, or ${count}`,
    );
  }
  const ones = batch.dims.slice(1).map(() => 1);
  const each = Tensor.from(Float32Array.from(values)).reshape([values.length, ...ones]);
  return batch.dtype === "float16" ? each.astype("float16") : each;
}

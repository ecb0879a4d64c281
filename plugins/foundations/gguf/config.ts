import type { TorchDtype } from "@denoise/core";

/** Options of {@linkcode GGUFQuantizationConfig}. */
export interface GGUFQuantizationOptions {
  /** The type that the weights' numbers are rounded to, and computed with where the device can. */
  readonly computeDtype?: TorchDtype | undefined;
}

const DTYPES: readonly unknown[] = ["float32", "float16", "bfloat16"];

/**
 * How a .gguf file is loaded, as diffusers' class of that name: `fromSingleFile("model.gguf", { quantizationConfig })`.
 * Files are recognized by their name without it.
 *
 * @category Loading
 *
 * @example
 * ```ts
 * import { GGUFQuantizationConfig } from "@denoise/gguf";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(new GGUFQuantizationConfig({ computeDtype: "bfloat16" }).computeDtype, "bfloat16");
 * assertEquals(new GGUFQuantizationConfig().computeDtype, "float32");
 * ```
 */
export class GGUFQuantizationConfig {
  /** The method's name in config.json. */
  readonly quantMethod = "gguf";
  /** The type that the weights' numbers are rounded to, and computed with where the device can. */
  readonly computeDtype: TorchDtype;

  /**
   * Defaults to float32.
   *
   * @throws {RangeError} for a type that there is not.
   */
  constructor({ computeDtype = "float32" }: GGUFQuantizationOptions = {}) {
    if (!DTYPES.includes(computeDtype)) {
      throw new RangeError(
        `computeDtype must be one of ${DTYPES.join(", ")}, but is ${JSON.stringify(computeDtype)}`,
      );
    }
    this.computeDtype = computeDtype;
  }
}

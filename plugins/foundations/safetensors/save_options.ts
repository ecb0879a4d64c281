import { type CallOptions, checkOptions, DenoiseError, type SaveOptions } from "@denoise/core";

/** The declarations of {@linkcode SaveOptions}. */
const saveOptions: CallOptions<SaveOptions> = {
  maxShardSize: { type: "any" },
  variant: { type: "string" },
  safeSerialization: { type: "boolean" },
};

/** Units of sizes; as in huggingface_hub a kilobyte has 1000 bytes. */
const UNITS: Readonly<Record<string, number>> = { TB: 1e12, GB: 1e9, MB: 1e6, KB: 1e3 };

/**
 * The most bytes of a file of weights.
 *
 * @throws {RangeError} for what is no size, or none above 0.
 *
 * @example
 * ```ts
 * import { shardBytes } from "@denoise/safetensors";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(shardBytes("1.5MB"), 1_500_000);
 * assertEquals(shardBytes(4096), 4096);
 * ```
 */
export function shardBytes(size: number | string = "10GB"): number {
  const [_, count, unit] = /^\s*(\d+(?:\.\d+)?)\s*([TGMK]B)\s*$/i.exec(String(size)) ?? [];
  const bytes = typeof size === "number"
    ? size
    : Math.trunc(Number(count) * UNITS[unit?.toUpperCase() ?? ""]!);
  if (Number.isInteger(bytes) && bytes > 0) return bytes;
  throw new RangeError(
    `Cannot split weights into files of ${
      JSON.stringify(size)
    }: maxShardSize must be a number of ` +
      `bytes, or a size such as "500MB" in TB, GB, MB or KB`,
  );
}

/**
 * Checks how something is to be saved, before anything is written.
 *
 * @throws {TypeError} for an unknown option.
 * @throws {DenoiseError} `pickle_refused` for `safeSerialization: false`.
 * @throws {RangeError} for a size or a variant that cannot be.
 */
export function checkSaveOptions(options: SaveOptions): void {
  checkOptions("save", options, saveOptions);
  const { maxShardSize, variant, safeSerialization = true } = options;
  if (safeSerialization !== true) {
    throw new DenoiseError(
      "pickle_refused",
      `Cannot save with safeSerialization ${safeSerialization}: weights are written as ` +
        ".safetensors only, since pickles can run any code when they are read; leave it out",
    );
  }
  shardBytes(maxShardSize);
  if (variant === undefined || /^[\w-]+$/.test(variant)) return;
  throw new RangeError(
    `Cannot save weights of variant ${JSON.stringify(variant)}: a variant is a word such as "fp16"`,
  );
}

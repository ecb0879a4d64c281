import { unsupportedOption } from "./model_definition.ts";

/**
 * Refuses options, or entries of lists, that are none of those that can be built.
 *
 * @throws {DenoiseError} `unsupported_option`.
 *
 * @example
 * ```ts
 * import { checkKnown } from "@denoise/onnx";
 *
 * checkKnown("MyModel", { act_fn: "silu", block_types: ["Down"] }, {
 *   act_fn: ["silu", "gelu"],
 *   block_types: ["Down", "AttnDown"],
 * });
 * ```
 */
export function checkKnown<O extends string>(
  className: string,
  config: NoInfer<Readonly<Record<O, unknown>>>,
  known: Readonly<Record<O, readonly unknown[]>>,
): void {
  for (const option of Object.keys(known) as O[]) {
    const value: unknown = config[option];
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    const unknown = values.find((one) => !known[option].includes(one));
    if (unknown !== undefined) throw unsupportedOption(className, option, unknown, known[option]);
  }
}

/**
 * Refuses lists that do not have an entry for each level; what is no list holds for all levels.
 *
 * @param levels The option that has the levels.
 * @throws {RangeError} for a list of another length.
 *
 * @example
 * ```ts
 * import { checkLevels } from "@denoise/onnx";
 *
 * const config = { block_out_channels: [32, 64], layers_per_block: 2, block_types: ["Down", "Down"] };
 * checkLevels("MyModel", config, "block_out_channels", ["layers_per_block", "block_types"]);
 * ```
 */
export function checkLevels<L extends string, O extends string>(
  className: string,
  config: NoInfer<Readonly<Record<L, readonly unknown[]> & Record<O, unknown>>>,
  levels: L,
  options: readonly O[],
): void {
  const count = config[levels].length;
  for (const option of options) {
    const value: unknown = config[option];
    if (!Array.isArray(value) || value.length === count) continue;
    throw new RangeError(
      `Cannot build ${className}: ${option} has ${value.length} entries, but ${levels} ${count}; ` +
        "they must be as many",
    );
  }
}

import { DenoiseError } from "@denoise/core";

/** What may be taken instead of weights that are not read. */
export const INSTEAD =
  "Take another version of the checkpoint, such as float8 with scales, bfloat16 or GGUF";

/** Formats of ComfyUI (its QUANTIZATION.md) whose weights have one scale, or one for each row. */
const FORMATS = ["float8_e4m3fn", "float8_e4m3fn_rowwise", "float8_e5m2", "int8_tensorwise"];
/** Where a file's header says how its layers are stored. */
const HEADER = "_quantization_metadata";

/**
 * Makes sure that weights are stored in a way that is read: by what ComfyUI says of one layer in a tensor
 * `comfy_quant`.
 *
 * @throws {DenoiseError} `unsupported_option` naming the format, `invalid_safetensors` for what is no JSON.
 */
export function checkComfyFormat(name: string, text: string): void {
  checkFormat(name, parsed(name, text));
}

/**
 * The same by what the header of a file says of all its layers.
 *
 * @param path The file.
 */
export function checkComfyHeader(path: string, metadata: Readonly<Record<string, string>>): void {
  const text = metadata[HEADER];
  if (text === undefined) return;
  const { layers } = parsed(`${path}: ${HEADER}`, text) as { layers?: unknown };
  for (const [layer, config] of Object.entries(Object(layers))) {
    checkFormat(`${path}: ${layer}`, Object(config));
  }
}

function checkFormat(
  name: string,
  { format, convrot }: { readonly format?: unknown; readonly convrot?: unknown },
): void {
  if (typeof format === "string" && FORMATS.includes(format) && !convrot) return;
  throw new DenoiseError(
    "unsupported_option",
    `Cannot read ${JSON.stringify(name)}: format must be one of ${FORMATS.join(", ")} without ` +
      `convrot, but is ${JSON.stringify(format)}${convrot ? " with convrot" : ""}. ${INSTEAD}`,
  );
}

function parsed(name: string, text: string): { readonly format?: unknown } {
  try {
    return Object(JSON.parse(text));
  } catch (cause) {
    throw new DenoiseError("invalid_safetensors", `Cannot read ${JSON.stringify(name)}: no JSON`, {
      cause,
    });
  }
}

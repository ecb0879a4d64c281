import { DenoiseError, type JsonObject } from "@denoise/core";

/** What may be loaded instead of weights that a Python library has quantized. */
const INSTEAD = 'load the repo that they were made of with { quantization: "int8" } or "int4", ' +
  "or a GGUF file of the same model";

/**
 * Makes sure that weights are not quantized in a way that is not read. What compressed-tensors stores as
 * float8 with scales is.
 *
 * @param config What config.json says.
 * @throws {DenoiseError} `unsupported_option` naming the method of its `quantization_config`.
 */
export function checkStoredQuantization(className: string, config: JsonObject): void {
  const { quantization_config: given } = config;
  if (given === undefined || given === null) return;
  const { quant_method: method, format } = Object(given) as JsonObject;
  if (method === "compressed-tensors" && format === "float-quantized") return;
  const known = typeof method === "string" && Object.hasOwn(METHODS, method)
    ? METHODS[method as keyof typeof METHODS]
    : `quantized by the unknown method ${JSON.stringify(method ?? null)}`;
  throw new DenoiseError(
    "unsupported_option",
    `Cannot load ${className}: its weights are ${known}` +
      (format === undefined ? "" : ` (format ${JSON.stringify(format)})`) +
      `, which is not read; read are float8 with scales (compressed-tensors, ComfyUI) and GGUF. ` +
      `Instead, ${INSTEAD}`,
  );
}

const METHODS = {
  bitsandbytes: "quantized by bitsandbytes",
  torchao: "quantized by torchao",
  quanto: "quantized by quanto",
  gptq: "quantized by GPTQ",
  awq: "quantized by AWQ",
  modelopt: "quantized by NVIDIA ModelOpt",
  "compressed-tensors": "quantized by compressed-tensors",
} as const;

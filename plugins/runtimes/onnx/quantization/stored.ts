import { DenoiseError, type JsonObject } from "@denoise/core";

/** What may be loaded instead of weights that a Python library has quantized. */
const INSTEAD = 'load the repo that they were made of with { quantization: "int8" } or "int4", ' +
  "or a GGUF file of the same model";

/**
 * Makes sure that weights are not quantized in a way that is not read. Read are bitsandbytes, float8 and int8 of
 * quanto and torchao, and what compressed-tensors stores as float8 with scales.
 *
 * @param config What config.json says.
 * @throws {DenoiseError} `unsupported_option` naming the method of its `quantization_config`.
 */
export function checkStoredQuantization(className: string, config: JsonObject): void {
  const { quantization_config: given } = config;
  if (given === undefined || given === null) return;
  const settings = Object(given) as JsonObject;
  const { quant_method: method } = settings;
  const known = typeof method === "string" && Object.hasOwn(METHODS, method)
    ? METHODS[method as keyof typeof METHODS]
    : undefined;
  const kind = known?.kind?.(settings);
  if (kind !== undefined && known?.read?.includes(kind)) return;
  throw new DenoiseError(
    "unsupported_option",
    `Cannot load ${className}: its weights are ` +
      (known === undefined
        ? `quantized by the unknown method ${JSON.stringify(method ?? null)}`
        : `quantized by ${known.name}`) +
      (kind === undefined ? "" : ` (${kind})`) +
      `, which is not read; read are ${READ}. Instead, ${INSTEAD}`,
  );
}

/** A library that quantizes. */
interface StoredMethod {
  readonly name: string;
  /** What it calls the way in which weights are stored. */
  readonly kind?: (settings: JsonObject) => string;
  /** The ways that are read. */
  readonly read?: readonly string[];
}

/** The class of the settings of torchao for all layers; several are named together. */
function torchaoKind({ quant_type: given }: JsonObject): string {
  if (typeof given !== "object" || given === null) return String(given);
  const types = Object.values(given);
  const names = types.map((type) => (Object(type) as JsonObject)["_type"] ?? JSON.stringify(type));
  return names.join(", ");
}

const METHODS: Readonly<Record<string, StoredMethod>> = {
  bitsandbytes: {
    name: "bitsandbytes",
    kind: (settings) =>
      settings["load_in_8bit"] ? "8 bits" : String(settings["bnb_4bit_quant_type"] ?? "fp4"),
    read: ["8 bits", "nf4", "fp4"],
  },
  torchao: {
    name: "torchao",
    kind: torchaoKind,
    read: ["Int8WeightOnlyConfig", "Float8WeightOnlyConfig"],
  },
  quanto: {
    name: "quanto",
    kind: (settings) => String(settings["weights_dtype"]),
    read: ["int8", "float8"],
  },
  "compressed-tensors": {
    name: "compressed-tensors",
    kind: ({ format }) => `format ${JSON.stringify(format)}`,
    read: ['format "float-quantized"'],
  },
  gguf: { name: "GGUF, whose numbers a .gguf file has" },
  gptq: { name: "GPTQ" },
  awq: { name: "AWQ" },
  modelopt: { name: "NVIDIA ModelOpt" },
  nunchaku: { name: "Nunchaku (SVDQuant)" },
  sdnq: { name: "SDNQ" },
  "auto-round": { name: "AutoRound" },
  fp8: { name: "transformers in float8 of blocks" },
};

const READ =
  "bitsandbytes (nf4, fp4, int8), int8 and float8 of quanto and of torchao's weight-only " +
  "configs, float8 with scales (compressed-tensors, ComfyUI), and GGUF";

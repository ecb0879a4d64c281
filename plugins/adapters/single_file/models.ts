import {
  checkOptions,
  DenoiseError,
  isFile,
  isFolder,
  joinPath,
  type JsonObject,
  loadOptions,
  locateComponent,
  type Model,
  type ModelClass,
  readConfig,
  type Registry,
  type SingleFileModelOptions,
} from "@denoise/core";
import { GGUFQuantizationConfig } from "@denoise/gguf";
import type { OnnxModelClass } from "@denoise/onnx";
import { pickLoadOptions } from "./load_options.ts";
import { repoOf } from "./kinds.ts";
import { parts } from "./parts.ts";
import { besideFile, openCheckpoint } from "./tensors.ts";

/**
 * A model alone from an original checkpoint that holds it, or a file with nothing else.
 *
 * @throws {DenoiseError} `missing_component` when the file has no such model, `unsupported_option` for
 *   a class that no original checkpoint has.
 */
export async function modelFromSingleFile<M extends Model>(
  Class: ModelClass<M>,
  file: string | URL,
  options: SingleFileModelOptions,
  registry: Registry,
): Promise<M> {
  const { className } = Class;
  const part = Object.hasOwn(parts, className) ? parts[className] : undefined;
  if (part === undefined) {
    throw new DenoiseError(
      "unsupported_option",
      `Cannot load ${className} from a single file; ${Object.keys(parts).join(", ")} can be. ` +
        `Convert the file with diffusers and load the folder`,
    );
  }
  const path = file instanceof URL ? decodeURIComponent(file.pathname) : file;
  checkOptions(`load ${className} from a file`, options, {
    ...loadOptions,
    config: { type: "string" },
    subfolder: { type: "string" },
    quantizationConfig: { type: "object" },
  });
  const load = withGgufConfig(className, path, options);
  const all = await openCheckpoint(path);
  const id = options.config ?? await repoOf(all, className);
  const config = await besideFile(
    path,
    id,
    () => configOf(id, part.subfolder, options, registry),
  );
  const tensors = await part.tensors(all, config);
  if (tensors.length === 0) {
    throw new DenoiseError(
      "missing_component",
      `Cannot load ${className} from ${JSON.stringify(path)}: the file holds none`,
    );
  }
  return await (Class as OnnxModelClass<M>).fromTensors(config, tensors, pickLoadOptions(load));
}

/** The options with the type that a quantizationConfig computes in. */
function withGgufConfig(
  className: string,
  path: string,
  { quantizationConfig: given, ...options }: SingleFileModelOptions,
): SingleFileModelOptions {
  if (given === undefined) return options;
  const refuse = (why: string) =>
    new RangeError(`Cannot load ${className} from ${JSON.stringify(path)}: ${why}`);
  if (!(given instanceof GGUFQuantizationConfig)) {
    throw refuse(
      "quantizationConfig must be a GGUFQuantizationConfig; other weights say themselves how they are " +
        'quantized, and { quantization: "int8" } or "int4" quantizes here',
    );
  }
  if (!/\.gguf$/i.test(path)) throw refuse("quantizationConfig is for .gguf files");
  const { computeDtype } = given;
  const { torchDtype = computeDtype } = options;
  if (torchDtype === computeDtype) return { ...options, torchDtype };
  throw refuse(
    `torchDtype "${torchDtype}" and computeDtype "${computeDtype}" differ, and a model computes in one type`,
  );
}

/** The config of the folder or repo that is named, or of its part in a pipeline's. */
async function configOf(
  id: string,
  usual: string | undefined,
  options: SingleFileModelOptions,
  registry: Registry,
): Promise<JsonObject> {
  const isOwn = await isFile(joinPath(id, "config.json"));
  const isPipeline = options.config === undefined || await isFolder(joinPath(id, usual ?? ""));
  const subfolder = options.subfolder ?? (isPipeline && !isOwn ? usual : undefined);
  const load = pickLoadOptions(options);
  const request = subfolder === undefined ? load : { ...load, subfolder };
  const { path } = await locateComponent(id, request, registry, false);
  return await readConfig(joinPath(path, "config.json"));
}

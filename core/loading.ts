import { readFile, stat } from "node:fs/promises";
import process from "node:process";
import { type CallOptions, checkOptions } from "./call_options.ts";
import { type JsonObject, parseConfig } from "./config.ts";
import { DenoiseError } from "./errors.ts";
import { isMissing } from "./system.ts";
import type { ComponentLocation } from "./plugin.ts";
import type { ShowProgress } from "./progress.ts";
import type { Quantization, Quantizations } from "./quantization.ts";
import type { Registry } from "./registry.ts";
import { type SourceOptions, sourceOptions, type SourceRequest } from "./source.ts";

/**
 * Where models compute. `"cuda:1"` names the second GPU.
 *
 * @category Loading
 */
export type Device =
  | "cpu"
  | "cuda"
  | "tensorrt"
  | "webgpu"
  | "coreml"
  | "dml"
  | `${"cuda" | "tensorrt" | "dml"}:${number}`;

/**
 * How numbers of a checkpoint are held.
 *
 * @category Loading
 */
export type TorchDtype = "float32" | "float16" | "bfloat16";

/**
 * How components are loaded, beside where from.
 *
 * @category Loading
 */
export interface LoadOptions extends SourceOptions {
  /** Plugins and sources to use instead of the bound ones. */
  readonly registry?: Registry | undefined;
  /** Where models compute. Defaults to `"cpu"`. */
  readonly device?: Device | undefined;
  /** In which type weights are held and, where the device can, computed with. */
  readonly torchDtype?: TorchDtype | undefined;
  /**
   * What models on the CPU are made ready for: `"start"` begins at once, for an image or two; `"speed"` lets
   * onnxruntime rewrite graphs and repack weights, which takes seconds the first time and as
   * much of the disk as the weights, or a third more: the result is kept in the cache and mapped from
   * then on. Numbers differ in their last bits, as sums are added in another order. Defaults to `"start"`.
   */
  readonly optimize?: "start" | "speed" | undefined;
  /** How weights are made smaller; in a pipeline for all models, or by role. */
  readonly quantization?: Quantization | Quantizations | undefined;
  /** Where sessions run: this thread, a Worker, a child process, onnxruntime's C API, or an engine given. */
  readonly engine?: "inline" | "worker" | "child" | "native" | object | undefined;
  /**
   * Options of the device's provider by onnxruntime's names, such as `{ use_tf32: false }` on
   * `"cuda"`; the native engine takes them, which GPUs of NVIDIA have without being asked.
   */
  readonly deviceOptions?: Readonly<Record<string, string | number | boolean>> | undefined;
  /** Bytes of stored weights on a card: idle models leave it for others. Defaults to what is free. */
  readonly gpuMemoryLimit?: number | undefined;
  /** Threads of one operator. Defaults to all cores, or as many as the quota of a container is. */
  readonly threads?: number | undefined;
  /**
   * What becomes of tensors that a model has no place for, such as those that a trainer left in the
   * file: `"error"`, or `"warn"` to name them in a warning and leave them out. Defaults to `"error"`.
   */
  readonly unexpectedTensors?: "error" | "warn" | undefined;
}

/** The declarations of {@linkcode LoadOptions}. */
export const loadOptions: CallOptions<LoadOptions> = {
  ...sourceOptions,
  registry: { type: "object" },
  device: { type: "string" },
  torchDtype: { type: "string", choices: ["float32", "float16", "bfloat16"] },
  engine: { type: "any" },
  deviceOptions: { type: "object" },
  gpuMemoryLimit: { type: "integer", minimum: 1 },
  threads: { type: "integer", minimum: 1 },
  quantization: { type: "any" },
  optimize: { type: "string", choices: ["start", "speed"] },
  unexpectedTensors: { type: "string", choices: ["error", "warn"] },
};

/** Joins path parts with `/`, dropping empty ones. */
export function joinPath(...parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== "").join("/").replace(/\/+/g, "/");
}

async function kindOf(path: string): Promise<"file" | "folder" | undefined> {
  try {
    return (await stat(path)).isDirectory() ? "folder" : "file";
  } catch (error) {
    if (isMissing(error)) {
      return undefined;
    }
    throw error;
  }
}

/** Whether a folder is there. */
export async function isFolder(path: string): Promise<boolean> {
  return await kindOf(path) === "folder";
}

/** Whether a file is there. */
export async function isFile(path: string): Promise<boolean> {
  return await kindOf(path) === "file";
}

/**
 * Reads a JSON object from a file.
 *
 * @throws {DenoiseError} `missing_file` or `invalid_config`.
 */
export async function readConfig(path: string): Promise<JsonObject> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    if (!isMissing(cause)) {
      throw cause;
    }
    const [_, folder, name] = path.match(/^(.*?)([^/\\]*)$/)!;
    throw new DenoiseError(
      "missing_file",
      `No file named ${name} found in ${folder || "."}; is that the folder of a diffusers repo?`,
      { cause },
    );
  }
  return parseConfig(text, path);
}

/**
 * Finds a repo: a folder on disk as it is, anything else through the registry's sources.
 *
 * @throws {DenoiseError} `missing_file` when it is no folder and no source takes the id.
 */
export async function locate(
  id: string | URL,
  request: SourceRequest,
  registry: Registry | undefined,
): Promise<ComponentLocation> {
  const name = id instanceof URL ? decodeURIComponent(id.pathname) : id;
  if (typeof name !== "string" || name === "") {
    throw new TypeError(
      `Cannot load ${JSON.stringify(name)}: give a folder or a repo id "owner/name"`,
    );
  }
  if (await isFolder(name)) return { path: name.replace(/(.)\/+$/, "$1"), id: name };
  const source = registry?.sourceFor(name);
  if (source === undefined) {
    throw new DenoiseError(
      "missing_file",
      registry === undefined
        ? `Cannot load ${JSON.stringify(name)}: there is no such folder, and no source of repos ` +
          `is bound to this class. Import it from @denoise/denoise, or pass { registry }`
        : `Cannot load ${JSON.stringify(name)}: it is neither a folder nor a repo id "owner/name"`,
    );
  }
  const { progress, onProgress = await downloadBar(registry!, progress) } = request;
  return await source.fetch(name, { ...request, onProgress });
}

/** Shows a download from its first byte to its last, where somebody looks on. */
async function downloadBar(
  registry: Registry,
  isWanted: boolean | undefined,
): Promise<SourceOptions["onProgress"]> {
  const show = await registry.progress(isWanted);
  let bar: ReturnType<ShowProgress>;
  return show && (({ bytes, total }) => {
    bar ??= show({ desc: "Downloading", unit: "B", total });
    bar?.update(bytes, total);
    if (bytes >= total) bar?.stop();
  });
}

/**
 * Finds one component of a repo: `subfolder` when given, else the root.
 *
 * @param weights Whether the component has weights beside its config.
 * @throws {TypeError} for an unknown option.
 */
export async function locateComponent(
  id: string | URL,
  options: LoadOptions & { readonly subfolder?: string | undefined },
  registry: Registry | undefined,
  weights: boolean,
): Promise<ComponentLocation> {
  checkOptions(`load ${JSON.stringify(String(id))}`, options, {
    ...loadOptions,
    subfolder: { type: "string" },
  });
  const request: SourceRequest = { ...options, want: "component", weights };
  const repo = await locate(id, request, options.registry ?? registry);
  return { ...repo, path: joinPath(repo.path, options.subfolder) };
}

/** The folder of what can be made again: `$DENOISE_CACHE`, else `$XDG_CACHE_HOME/denoise`. */
export function cacheFolder(): string {
  const own = process.env.DENOISE_CACHE;
  if (own !== undefined && own !== "") return own;
  const home = process.env.XDG_CACHE_HOME ?? joinPath(process.env.HOME ?? ".", ".cache");
  return joinPath(home, "denoise");
}

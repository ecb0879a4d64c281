import { fileURLToPath } from "node:url";
import { cacheFolder } from "@denoise/core";
import { moduleAddress } from "@denoise/loading";
import { ffiPermission, libraryFolder } from "@denoise/onnx/libraries";
import { type Child, startChild } from "@denoise/process";
import type { FromChild } from "./protocol.ts";

/** What a child process is, and what it may do beside computing. */
export interface EngineProgram {
  /** Its module. */
  readonly entry?: URL | undefined;
  /** Folders it reads: those of the models. */
  readonly read: readonly string[];
  /** Modules of plugins. */
  readonly plugins?: readonly string[] | undefined;
  /** More flags for `deno run`. */
  readonly flags?: readonly string[] | undefined;
  /** Bytes of memory that it can have. */
  readonly maxMemory?: number | undefined;
}

/** Variables that the child needs; keys and other secrets of the server are not among them. */
const PASSED =
  /^(HOME|PATH|TMPDIR|DENO_DIR|DENOISE_CACHE|XDG_CACHE_HOME|JSR_URL|LD_LIBRARY_PATH|DENOISE_ONNXRUNTIME|NPM_CONFIG_REGISTRY|(CUDA|NVIDIA|ORT|OMP)_.*)$/;

function passedEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(Deno.env.toObject()).filter(([name]) => PASSED.test(name)),
  );
}

/** The folder of the npm packages (Deno's cache, or node_modules), whose image codecs read their WebAssembly files. */
export function packagesFolder(): string {
  return libraryFolder().replace(/[/\\](?:\.deno|onnxruntime-node)[/\\].*$/, "");
}

/** The folders of plugins that are files here, whose own files lie beside them. */
function foldersOf(modules: readonly string[]): string[] {
  return modules.filter((module) => module.startsWith("file:"))
    .map((module) => fileURLToPath(new URL("./", module)));
}

/** Plugins from elsewhere may import what JSR and their own hosts have. */
function importPermission(modules: readonly string[]): string[] {
  const remote = modules.filter((module) => !/^(file|data):/.test(module));
  if (remote.length === 0) return [];
  const hosts = [Deno.env.get("JSR_URL") ?? "https://jsr.io", ...remote]
    .filter((address) => /^https?:/.test(address)).map((address) => new URL(address).host);
  return [`--allow-import=${[...new Set(hosts)].join(",")}`];
}

/**
 * Starts the child. It reads the models' folders and the program itself, and loads onnxruntime's
 * library (on a machine with its provider for GPUs of NVIDIA: any); it keeps rewritten graphs in the cache,
 * and has no network, no environment
 * but what libraries ask for, and starts nothing.
 */
export function startEngine(
  {
    entry = new URL("./child_entry.ts", import.meta.url),
    read,
    flags = [],
    plugins = [],
    maxMemory,
  }: EngineProgram,
  onMessage: (message: FromChild) => void,
): Child {
  const modules = plugins.map(moduleAddress);
  return startChild({
    entry,
    args: modules,
    permissions: [
      ffiPermission(),
      `--allow-read=${
        [...read, packagesFolder(), cacheFolder(), "/proc/cpuinfo", ...foldersOf(modules)].join(",")
      }`,
      `--allow-write=${cacheFolder()}`,
      "--allow-env",
      ...importPermission(modules),
    ],
    flags: ["--v8-flags=--heap-growing-percent=50,--max-semi-space-size=4", ...flags], // less memory
    before: maxMemory === undefined ? [] : ["prlimit", `--data=${maxMemory}`],
    env: passedEnvironment(),
    clearEnv: true,
  }, (message) => onMessage(message as FromChild));
}

import { readFile, stat } from "node:fs/promises";
import process from "node:process";
import { statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { isPermitted, runtime } from "@denoise/core";

/**
 * The folder of onnxruntime's native libraries, for all systems. In Deno the npm package is named in
 * full, as the imports of a deno.json are not known where this package comes from a registry.
 */
export function libraryFolder(): string {
  const name = runtime === "deno" ? "npm:onnxruntime-node@1.30.0" : "onnxruntime-node";
  return fileURLToPath(new URL("../bin", import.meta.resolve(name)));
}

/** The variable that names another folder of onnxruntime's library and those of its providers. */
export const RUNTIME_FOLDER = "DENOISE_ONNXRUNTIME";

/**
 * The folder of onnxruntime's library on this system, in which it looks for those of its providers:
 * the one in the npm package, or the one that the variable `DENOISE_ONNXRUNTIME` names.
 */
export function providerFolder(): string {
  if (isPermitted("env", RUNTIME_FOLDER)) {
    const folder = process.env[RUNTIME_FOLDER];
    if (folder !== undefined && folder !== "") return folder.replace(/[/\\]$/, "");
  }
  return `${libraryFolder()}/napi-v6/${process.platform}/${process.arch}`;
}

/**
 * The permission to call native code of a process that computes: onnxruntime's library alone, or all
 * where the native engine is wanted.
 *
 * @param native Whether it is. Defaults to whether the provider for GPUs of NVIDIA, on which it
 *   computes, is here.
 */
export function ffiPermission(native: boolean = hasCudaProvider()): string {
  return native ? "--allow-ffi" : `--allow-ffi=${libraryFolder()}`;
}

/** Whether the provider for GPUs of NVIDIA lies where onnxruntime looks for it. */
function hasCudaProvider(): boolean {
  try {
    return statSync(`${providerFolder()}/libonnxruntime_providers_cuda.so`).isFile();
  } catch {
    return false; // absent, or not to be read
  }
}

/** Names of onnxruntime's library; other systems have that of Linux. */
const RUNTIME: { readonly [system: string]: string | undefined } = {
  win32: "onnxruntime.dll",
  darwin: "libonnxruntime.1.dylib",
};

/** The file of onnxruntime's library on this system. */
export function runtimeLibrary(): string {
  return `${providerFolder()}/${RUNTIME[process.platform] ?? "libonnxruntime.so.1"}`;
}

/** Whether the dynamic linker of this Linux finds a library: in LD_LIBRARY_PATH or its cache. */
export async function findLibrary(name: string): Promise<boolean> {
  const named = (process.env.LD_LIBRARY_PATH ?? "").split(":").filter((path) => path !== "");
  const folders = [...named, "/lib", "/usr/lib", "/lib64", "/usr/lib64"];
  for (const folder of folders) {
    if (await stat(`${folder}/${name}`).then(() => true, () => false)) return true;
  }
  const cache = await readFile("/etc/ld.so.cache").catch(() => new Uint8Array());
  return new TextDecoder("latin1").decode(cache).includes(`/${name}\0`);
}

export { neededLibraries } from "./needed_libraries.ts";

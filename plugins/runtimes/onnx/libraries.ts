import { fileURLToPath } from "node:url";

/**
 * The folder of onnxruntime's native libraries, for all systems. The npm package is named in full, as
 * the imports of a deno.json are not known where this package comes from a registry.
 */
export function libraryFolder(): string {
  return fileURLToPath(new URL("../bin", import.meta.resolve("npm:onnxruntime-node@1.30.0")));
}

/** The variable that names another folder of onnxruntime's library and those of its providers. */
export const RUNTIME_FOLDER = "DENOISE_ONNXRUNTIME";

/**
 * The folder of onnxruntime's library on this system, in which it looks for those of its providers:
 * the one in the npm package, or the one that the variable `DENOISE_ONNXRUNTIME` names.
 */
export function providerFolder(): string {
  if (Deno.permissions.querySync({ name: "env", variable: RUNTIME_FOLDER }).state === "granted") {
    const folder = Deno.env.get(RUNTIME_FOLDER);
    if (folder !== undefined && folder !== "") return folder.replace(/[/\\]$/, "");
  }
  const arch = Deno.build.arch === "x86_64" ? "x64" : "arm64";
  const os = Deno.build.os === "windows" ? "win32" : Deno.build.os;
  return `${libraryFolder()}/napi-v6/${os}/${arch}`;
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
    return Deno.statSync(`${providerFolder()}/libonnxruntime_providers_cuda.so`).isFile;
  } catch {
    return false; // absent, or not to be read
  }
}

/** Names of onnxruntime's library; other systems have that of Linux. */
const RUNTIME: { readonly [system: string]: string | undefined } = {
  windows: "onnxruntime.dll",
  darwin: "libonnxruntime.1.dylib",
};

/** The file of onnxruntime's library on this system. */
export function runtimeLibrary(): string {
  return `${providerFolder()}/${RUNTIME[Deno.build.os] ?? "libonnxruntime.so.1"}`;
}

/** Whether the dynamic linker of this Linux finds a library: in LD_LIBRARY_PATH or its cache. */
export async function findLibrary(name: string): Promise<boolean> {
  const named = (Deno.env.get("LD_LIBRARY_PATH") ?? "").split(":").filter((path) => path !== "");
  const folders = [...named, "/lib", "/usr/lib", "/lib64", "/usr/lib64"];
  for (const folder of folders) {
    if (await Deno.stat(`${folder}/${name}`).then(() => true, () => false)) return true;
  }
  const cache = await Deno.readFile("/etc/ld.so.cache").catch(() => new Uint8Array());
  return new TextDecoder("latin1").decode(cache).includes(`/${name}\0`);
}

export { neededLibraries } from "./needed_libraries.ts";

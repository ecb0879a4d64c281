import { fileURLToPath } from "node:url";

/** The folder of onnxruntime's native libraries, for all systems. */
export function libraryFolder(): string {
  return fileURLToPath(new URL("../bin", import.meta.resolve("onnxruntime-node")));
}

/** The folder in which onnxruntime looks for the libraries of providers on this system. */
export function providerFolder(): string {
  const arch = Deno.build.arch === "x86_64" ? "x64" : "arm64";
  const os = Deno.build.os === "windows" ? "win32" : Deno.build.os;
  return `${libraryFolder()}/napi-v6/${os}/${arch}`;
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

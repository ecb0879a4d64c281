import { createHash } from "node:crypto";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { cacheFolder, DenoiseError, isFile, joinPath } from "@denoise/core";
import { openSafetensors } from "./open.ts";
import type { StoredTensor } from "./stored_tensor.ts";
import { type TensorToWrite, writeSafetensors } from "./write.ts";

/**
 * Tensors that are made of others once and kept in a folder of the cache, from which they are mapped. The folder can
 * be removed at any time.
 *
 * @param kind The folder, such as `"quantized"`.
 * @param key What tells them from others, as JSON.
 * @param make Makes them.
 * @throws {DenoiseError} `unsupported_option` where the cache cannot be written.
 */
export async function keptTensors(
  kind: string,
  key: unknown,
  make: () => readonly TensorToWrite[],
): Promise<ReadonlyMap<string, StoredTensor>> {
  const folder = joinPath(cacheFolder(), kind);
  const path = joinPath(folder, `${digest(JSON.stringify(key))}.safetensors`);
  if (!await isFile(path)) await write(folder, path, make());
  return (await openSafetensors(path)).tensors;
}

/** What tells tensors from others: where they lie and how old their files are, or what they hold. */
export async function placesOf(
  tensors: Iterable<readonly [string, StoredTensor]>,
): Promise<unknown[]> {
  const files = new Map<string, unknown>();
  const places: unknown[] = [];
  for (const [name, { dtype, dims, data, scale, factor, blocks }] of tensors) {
    if (!(data instanceof Uint8Array) && !files.has(data.file)) {
      const { size, mtime } = await stat(data.file);
      files.set(data.file, [data.file, size, mtime?.getTime()]);
    }
    const place = data instanceof Uint8Array ? digest(data) : [data.file, data.offset];
    places.push([name, dtype, dims, place, scale?.data, factor, blocks]);
  }
  return [...places, ...files.values()];
}

function digest(of: string | Uint8Array): string {
  return createHash("sha256").update(of).digest("hex");
}

async function write(folder: string, path: string, tensors: readonly TensorToWrite[]) {
  const unfinished = `${path}.${crypto.randomUUID()}`;
  try {
    await mkdir(folder, { recursive: true });
    await writeSafetensors(unfinished, tensors, {});
    await rename(unfinished, path);
  } catch (cause) {
    for (const left of [unfinished, `${unfinished}.incomplete`]) {
      await rm(left).catch(() => undefined);
    }
    if (cause instanceof DenoiseError) throw cause;
    throw new DenoiseError(
      "unsupported_option",
      `Cannot keep ${kindOf(folder)} weights in ${JSON.stringify(folder)}: ` +
        `${
          (cause as Error).message
        }. Name another folder in DENOISE_CACHE, or allow this one to be ` +
        "written (--allow-write)",
      { cause },
    );
  }
}

function kindOf(folder: string): string {
  return folder.slice(folder.lastIndexOf("/") + 1);
}

/** Several tensors that are made by one piece of work, which is done once for all of them. */
export function madeTogether<K extends string>(
  work: () => Promise<Readonly<Record<K, Uint8Array>>>,
  parts: readonly (Omit<TensorToWrite, "bytes"> & { readonly part: K })[],
): TensorToWrite[] {
  let made: ReturnType<typeof work> | undefined;
  let left = parts.length;
  return parts.map(({ part, ...rest }) => ({
    ...rest,
    bytes: async () => {
      made ??= work();
      const bytes = (await made)[part];
      if (--left === 0) made = undefined;
      return bytes;
    },
  }));
}

/**
 * Graphs as onnxruntime rewrote them for this processor, with their weights laid out as its products want
 * them, kept in the folder `optimized` of the cache: the next session is made of them at once and maps
 * them. The folder can be removed at any time.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { cpus } from "node:os";
import process from "node:process";
import { cacheFolder, isFile, isPermitted, joinPath } from "@denoise/core";
import type { Engine, EngineSession, SessionSpec } from "./engine/engine.ts";

/** The runtime whose rewriting is kept. */
const RUNTIME = "onnxruntime 1.30.0";

/** How a session may be made. */
export interface OptimizedOptions {
  /** The files that the graph's weights lie in. */
  readonly files: readonly string[];
  /** Called when nothing can be kept. */
  readonly onWarning: (message: string) => void;
}

/** A session on the CPU of a graph that was rewritten before, or is rewritten now and kept. */
export async function optimizedSession(
  engine: Engine,
  spec: SessionSpec,
  { files, onWarning }: OptimizedOptions,
): Promise<EngineSession> {
  const full = { ...spec, optimization: "all", prepacking: true } as const;
  if (!mayUseCache()) return await engine.createSession(full);
  const folder = joinPath(cacheFolder(), "optimized", await keyOf(spec, files));
  const path = joinPath(folder, MODEL);
  if (await isFile(path)) {
    const model = new Uint8Array(await readFile(path));
    return await engine.createSession({
      ...spec,
      model,
      folder,
      optimization: "none",
      prepacking: true,
    });
  }
  const unfinished = `${folder}.${crypto.randomUUID()}`;
  try {
    const session = await saved(engine, full, unfinished);
    await rename(unfinished, folder).catch((error) => {
      if (!isTaken(error)) throw error;
      return rm(unfinished, { recursive: true }); // another process was first
    });
    return session;
  } catch (error) {
    await rm(unfinished, { recursive: true }).catch(() => undefined);
    onWarning(`${spec.name}: its rewritten graph could not be kept: ${(error as Error).message}`);
    return await engine.createSession(full);
  }
}

/** The name of a kept graph. */
export const MODEL = "model.onnx";
/** The name of the file of its weights. */
export const WEIGHTS = "weights.bin";

/** A session whose graph is written into a folder, with weights laid out where they can be mapped. */
async function saved(engine: Engine, spec: SessionSpec, folder: string): Promise<EngineSession> {
  for (const packed of [true, false]) {
    await mkdir(folder, { recursive: true });
    const session = await engine.createSession({ ...spec, saveTo: { folder, packed } });
    if (!packed || await isAligned(joinPath(folder, MODEL))) return session;
    await session.release();
    await rm(folder, { recursive: true });
  }
  throw new TypeError("there is always one without packed weights");
}

/** Laid out weights are read 64 bytes at a time, from places that onnxruntime does not round up. */
const ALIGNMENT = 64;

/** Whether all laid out weights of a kept graph begin where they may: "name|offset;length;0" each. */
async function isAligned(path: string): Promise<boolean> {
  const text = await readFile(path, "latin1");
  const places = text.matchAll(/prepacked_\d+[^|]{1,200}\|([\d;]+)/g);
  return [...places].every(([_, numbers]) => {
    const parts = numbers!.split(";").map(Number);
    return parts.every((offset, i) => i % 3 !== 0 || offset % ALIGNMENT === 0);
  });
}

/** Whether an error says that a folder of that name is there. */
function isTaken(error: unknown): boolean {
  return ["EEXIST", "ENOTEMPTY"].includes((error as { code?: string }).code ?? "");
}

/** Whether the program may use the cache without being asked at its terminal. */
function mayUseCache(): boolean {
  const names = ["DENOISE_CACHE", "XDG_CACHE_HOME", "HOME"];
  if (!names.every((name) => isPermitted("env", name))) return false;
  const path = cacheFolder();
  return isPermitted("read", path) && isPermitted("write", path);
}

/** What tells a rewritten graph from others. */
async function keyOf({ model, folder }: SessionSpec, files: readonly string[]): Promise<string> {
  const stats = await Promise.all(files.map(async (file) => {
    const { size, mtime } = await stat(file);
    return [file, size, mtime?.getTime()];
  }));
  const graph = sha256(model);
  const text = JSON.stringify([RUNTIME, await processor(), folder, stats, graph]);
  return sha256(text);
}

function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** The processor and what it can do, as far as the program may look. */
async function processor(): Promise<string> {
  const flags = await readFile("/proc/cpuinfo", "utf8").then(
    (text) => /^(?:flags|Features)\s*:.*$/m.exec(text)?.[0] ?? "",
    () => "", // not Linux, or not allowed
  );
  return [process.arch, isPermitted("sys", "cpus") ? cpus()[0]?.model : "", flags].join(" ");
}

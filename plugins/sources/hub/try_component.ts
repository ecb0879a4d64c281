/**
 * Whether a component would load, found out by loading it: from a folder that has its config and
 * weight files of the right size that hold their header and nothing else.
 */

import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { DenoiseError, type Registry } from "@denoise/core";
import { type StoredHeader, writeAll } from "@denoise/safetensors";
import { basename, join } from "node:path";
import type { RepoFile } from "./remote.ts";

/** Why a component would not load. */
export interface ComponentProblem {
  /** What kind of problem it is. */
  readonly kind: "unsupported_option" | "missing_tensor" | "unexpected_tensor" | "other";
  /** The message that loading it gives. */
  readonly message: string;
}

/** What was read of a repo's files, by their names. */
export interface ReadParts {
  /** The content of the small files. */
  readonly texts: ReadonlyMap<string, string>;
  /** The headers of the weights. */
  readonly headers: ReadonlyMap<string, StoredHeader>;
}

/** Writes a file of that size of which only the first bytes take room on the disk. */
async function writeSparse(path: string, start: Uint8Array, size: number): Promise<void> {
  await using file = await open(path, "w");
  await writeAll(file, start);
  await file.truncate(size);
}

function kindOf(error: unknown): ComponentProblem["kind"] {
  if (error instanceof TypeError || error instanceof RangeError) return "unsupported_option";
  const code = error instanceof DenoiseError ? error.code : "";
  return code === "unsupported_option" || code === "missing_tensor" || code === "unexpected_tensor"
    ? code
    : "other";
}

/** What is wrong with a component; nothing for classes that need more than configs and weights. */
export async function tryComponent(
  registry: Registry,
  className: string,
  files: readonly RepoFile[],
  { texts, headers }: ReadParts,
  { id, commit, variant }: { id: string; commit: string; variant?: string | undefined },
): Promise<ComponentProblem[]> {
  const plugin = await registry.get(className);
  if (plugin.kind !== "model" && plugin.kind !== "scheduler") return [];
  const folder = await mkdtemp(join(tmpdir(), "denoise-inspect-"));
  try {
    for (const { path, size } of files) {
      const header = headers.get(path);
      const target = join(folder, basename(path));
      if (header !== undefined) await writeSparse(target, header.bytes, size);
      else if (texts.has(path)) await writeFile(target, texts.get(path)!);
    }
    const isVariant = variant !== undefined &&
      files.some(({ path }) => headers.has(path) && path.includes(`.${variant}`));
    const loaded = await plugin.load(
      { path: folder, id, commit },
      isVariant ? { variant } : {},
    ) as { dispose?: () => Promise<void> };
    await loaded.dispose?.();
    return [];
  } catch (error) {
    const message = (error instanceof Error ? error.message : String(error))
      .replaceAll(folder, id);
    return [{ kind: kindOf(error), message }];
  } finally {
    await rm(folder, { recursive: true });
  }
}

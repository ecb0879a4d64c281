import type { ComponentLocation, Source, SourceOptions, SourceRequest } from "@denoise/core";
import { followAlias } from "./aliases.ts";
import { hubRemote } from "./api.ts";
import { type FetchedRepo, fetchRepo } from "./fetch.ts";
import { entriesOf } from "./files.ts";
import { checkRepoId, isRepoId } from "./id.ts";
import { layoutOf } from "./layout.ts";
import { aliasTable, apiSettings, fetchSettings, type HubOptions } from "./settings.ts";

/** The id to load, after the alias table; a repo that the cache has under its old id stays there. */
export async function currentId(
  id: string,
  options: HubOptions,
  request: SourceOptions,
): Promise<string> {
  const moved = followAlias(checkRepoId(id), aliasTable(options));
  if (moved.note === undefined) return id;
  const { cache, warn } = fetchSettings(options, request);
  if ((await entriesOf(layoutOf(cache, id).snapshots)).length > 0) return id;
  warn(moved.note);
  return moved.id;
}

async function load(
  id: string,
  request: SourceRequest,
  options: HubOptions,
): Promise<FetchedRepo> {
  const current = await currentId(id, options, request);
  const remote = hubRemote(await apiSettings(options, request));
  return await fetchRepo(remote, current, request, fetchSettings(options, request));
}

/**
 * The Hugging Face Hub as a source of repos: each repo is downloaded once, into the cache that
 * Python's huggingface_hub uses too.
 *
 * @example
 * ```ts
 * import { hub } from "@denoise/hub";
 * import { Registry } from "@denoise/core";
 * import { assertEquals } from "@std/assert";
 *
 * const registry = new Registry({ sources: [hub()] });
 * assertEquals(registry.sourceFor("google/ddpm-cat-256")?.name, "hub");
 * ```
 */
export function hub(options: HubOptions = {}): Source {
  return {
    name: "hub",
    accepts: isRepoId,
    async fetch(id: string, request: SourceRequest): Promise<ComponentLocation> {
      const { path, id: found, commit } = await load(id, request, options);
      return { path, id: found, commit };
    },
  };
}

/** What to download ahead. */
export interface PrefetchOptions extends SourceOptions, HubOptions {
  /** Access token. Defaults to HF_TOKEN or the stored one. */
  readonly token?: string | undefined;
  /** Base address of the Hub. Defaults to HF_ENDPOINT. */
  readonly endpoint?: string | undefined;
  /** Folder of the cache. Defaults to HF_HUB_CACHE. */
  readonly cacheDir?: string | undefined;
  /** A component's folder, to fetch that alone. */
  readonly subfolder?: string | undefined;
  /** Components of the pipeline to leave out. */
  readonly skip?: readonly string[] | undefined;
}

/**
 * Downloads a pipeline (or with `subfolder` one of its components) into the cache without loading
 * it, so that a later `fromPretrained` needs no network.
 */
export async function prefetch(id: string, options: PrefetchOptions = {}): Promise<FetchedRepo> {
  const want = options.subfolder === undefined ? "pipeline" : "component";
  return await load(id, { ...options, want }, options);
}

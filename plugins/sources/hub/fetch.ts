/** Brings the wanted files of a repo into the cache. */

import {
  type ComponentLocation,
  DenoiseError,
  readModelIndex,
  type SourceRequest,
} from "@denoise/core";
import { checkSubfolder } from "./id.ts";
import { type FilePlan, indexFile, MODEL_INDEX, planPipeline } from "./plan.ts";
import { planComponent } from "./plan_component.ts";
import { runPool } from "./pool.ts";
import { ProgressMeter } from "./progress.ts";
import type { Remote, RepoFile } from "./remote.ts";
import { noteRepo, openRepo, type PinnedRepo, readCached } from "./repo.ts";
import type { FetchPlanSettings } from "./settings.ts";
import { isVisible, tagCache, writeAbsent } from "./snapshot.ts";

/** A repo's folder in the cache, with what was planned for it. */
export interface FetchedRepo extends ComponentLocation {
  /** The files that the plan names. */
  readonly files: readonly string[];
  /** Their bytes in all. */
  readonly bytes: number;
  /** How many of these bytes came over the network now. */
  readonly fetchedBytes: number;
}

const MAX_INDEX = 1_000_000;
const MAX_TEXT = 100_000_000;

/** Refuses texts so large that reading one would be an attack. */
function checkSizes(id: string, files: readonly RepoFile[]): void {
  const limitOf = ({ path }: RepoFile) =>
    path === MODEL_INDEX ? MAX_INDEX : /\.(json|txt|md|py|jinja)$/.test(path) ? MAX_TEXT : Infinity;
  const huge = files.find((file) => file.size > limitOf(file));
  if (huge === undefined) return;
  throw new DenoiseError(
    "source_unavailable",
    `Refused to load ${id}: ${huge.path} has ${huge.size} bytes, far above what such a file ` +
      `needs (${limitOf(huge)})`,
  );
}

async function missingOf(repo: PinnedRepo, files: readonly RepoFile[]): Promise<RepoFile[]> {
  const visible = await Promise.all(
    files.map((file) => isVisible(repo.layout, repo.resolved.commit, file)),
  );
  return files.filter((_, index) => !visible[index]);
}

/** Fetches the files that the cache does not show yet, and gives how many bytes came. */
async function bring(
  remote: Remote,
  repo: PinnedRepo,
  files: readonly RepoFile[],
  request: SourceRequest,
  settings: FetchPlanSettings,
): Promise<number> {
  checkSizes(repo.id, files);
  const force = request.forceDownload === true;
  const missing = force ? files : await missingOf(repo, files);
  if (missing.length === 0) return 0;
  if (repo.offline) throw incomplete(repo, missing);
  const bytesOf = (list: readonly RepoFile[]) => list.reduce((sum, file) => sum + file.size, 0);
  // what is cached loads without the modules that download, hash and measure
  const [{ checkRoom }, { downloadFile }] = await Promise.all([
    import("./disk.ts"),
    import("./download.ts"),
  ]);
  await checkRoom(repo.layout.blobs, bytesOf(missing), repo.id);
  await tagCache(repo.layout.cache);
  const total = bytesOf(files);
  const meter = new ProgressMeter(total, total - bytesOf(missing), request.onProgress);
  let arrived = 0;
  const stop = new AbortController();
  const signal = request.signal === undefined
    ? stop.signal
    : AbortSignal.any([request.signal, stop.signal]);
  await runPool(missing, settings.concurrency, async (file) => {
    const onBytes = (bytes: number, moved: number) => {
      arrived += moved;
      meter.update(file.path, bytes, file.size, moved);
    };
    const options = { retry: settings.retry, stall: settings.stall, force, onBytes, signal };
    try {
      await downloadFile(remote, repo.resolved, file, repo.layout, options);
      onBytes(file.size, 0);
    } catch (error) {
      stop.abort();
      request.signal?.throwIfAborted();
      throw error;
    }
  });
  return arrived;
}

function incomplete(repo: PinnedRepo, missing: readonly RepoFile[]): DenoiseError {
  const names = missing.map((file) => file.path);
  return new DenoiseError(
    "missing_file",
    `Cannot load ${repo.id}: it is not fully in the cache (${repo.layout.folder}), ` +
      `${
        listed(names, 5)
      } of commit ${repo.resolved.commit} missing or of the wrong size, and ${repo.reason}`,
  );
}

/** The first names of a list, and how many there are where that is not all. */
function listed(names: readonly string[], most: number): string {
  return names.slice(0, most).join(", ") + (names.length > most ? `, ... (${names.length})` : "");
}

/** Makes the plan; the index is fetched for it first. */
async function planFor(
  remote: Remote,
  repo: PinnedRepo,
  request: SourceRequest,
  settings: FetchPlanSettings,
): Promise<FilePlan & { readonly fetched: number }> {
  const names = repo.files.map((file) => file.path);
  const { variant } = request;
  if (request.want === "component") {
    const subfolder = request.subfolder === undefined || request.subfolder === ""
      ? undefined
      : checkSubfolder(request.subfolder.replace(/\/+$/, ""));
    const plan = planComponent(names, {
      subfolder,
      weights: request.weights,
      variant,
      id: repo.id,
    });
    return { ...plan, fetched: 0 };
  }
  if (request.want === "files") {
    const files = request.choose?.(names) ?? [];
    const lacking = files.filter((name) => !names.includes(name));
    if (lacking.length > 0) throw noFiles(repo, names, lacking);
    return { files: [...files].sort(), warnings: [], fetched: 0 };
  }
  const file = indexFile(repo.files);
  if (file === undefined) throw await noIndex(repo, names);
  // whatever is cached of a commit is right for it, so the index is not forced before the rest
  const quiet = { ...request, onProgress: undefined, forceDownload: false };
  const fetched = await bring(remote, repo, [file], quiet, settings);
  const text = await readCached(repo, file.path) ?? "";
  const location = { path: "", id: repo.id, commit: repo.resolved.commit };
  const index = await readModelIndex(location, (name) => name === file.path ? text : undefined);
  const skip = [...request.skip ?? [], ...index.places.keys()];
  return { ...planPipeline(index.config, names, { variant, skip, id: repo.id }), fetched };
}

function noFiles(
  repo: PinnedRepo,
  names: readonly string[],
  lacking: readonly string[],
): DenoiseError {
  if (!repo.isComplete) {
    return incomplete(repo, lacking.map((path) => ({ path, size: 0, blobId: "" })));
  }
  const read = names.filter((name) => name.endsWith(".safetensors"));
  return new DenoiseError(
    "missing_file",
    `Cannot load ${lacking.join(", ")} of ${repo.id}: there is no such file; it has ` +
      (listed(read, 10) || "no .safetensors files"),
  );
}

async function noIndex(repo: PinnedRepo, names: readonly string[]): Promise<DenoiseError> {
  if (repo.isComplete && !repo.offline) {
    await writeAbsent(repo.layout, repo.resolved.commit, MODEL_INDEX);
  }
  if (!repo.isComplete) {
    return incomplete(repo, [{ path: MODEL_INDEX, size: 0, blobId: "" }]);
  }
  return new DenoiseError(
    "missing_file",
    `Error no file named ${MODEL_INDEX} found in ${repo.id}: it is not the repo of a pipeline. ` +
      `It has ${names.slice(0, 10).join(", ") || "no files"}; load a single component with the ` +
      "fromPretrained of its class",
  );
}

function checkRequest(id: string, request: SourceRequest): void {
  if (request.useSafetensors === false) {
    throw new DenoiseError(
      "pickle_refused",
      `Cannot load ${id} with useSafetensors: false: weights are read from .safetensors only; ` +
        "leave the option out",
    );
  }
  if (request.variant !== undefined && !/^[\w.-]+$/.test(request.variant)) {
    throw new TypeError(
      `Cannot load variant ${JSON.stringify(request.variant)} of ${id}: a variant is a word such ` +
        `as "fp16"`,
    );
  }
}

/**
 * Brings what is wanted of a repo into the cache: one commit is pinned, the plan is made, what the
 * cache does not have is fetched and checked, then the commit is noted under its branch or tag.
 */
export async function fetchRepo(
  remote: Remote,
  id: string,
  request: SourceRequest,
  settings: FetchPlanSettings,
): Promise<FetchedRepo> {
  try {
    return await fetchPlanned(remote, id, request, settings);
  } catch (error) {
    const { explainFull } = await import("./disk.ts");
    throw explainFull(error, settings.cache, id);
  }
}

async function fetchPlanned(
  remote: Remote,
  id: string,
  request: SourceRequest,
  settings: FetchPlanSettings,
): Promise<FetchedRepo> {
  checkRequest(id, request);
  request.signal?.throwIfAborted();
  const repo = await openRepo(remote, id, request.revision ?? "main", settings, request.signal);
  if (request.forceDownload === true && repo.offline) {
    throw new DenoiseError(
      "source_unavailable",
      `Cannot fetch ${id} again, as forceDownload asks: ${repo.reason}`,
    );
  }
  const plan = await planFor(remote, repo, request, settings);
  plan.warnings.forEach(settings.warn);
  const wanted = new Set(plan.files);
  const files = repo.files.filter((file) => wanted.has(file.path));
  const fetched = await bring(remote, repo, files, request, settings);
  await noteRepo(repo);
  return {
    path: repo.layout.snapshot(repo.resolved.commit),
    id: repo.resolved.id,
    commit: repo.resolved.commit,
    files: plan.files,
    bytes: files.reduce((sum, file) => sum + file.size, 0),
    fetchedBytes: plan.fetched + fetched,
  };
}

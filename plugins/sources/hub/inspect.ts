/** What a repo is, what it needs and what would not work, by reading headers only. */

import {
  DenoiseError,
  type ModelIndex,
  readModelIndex,
  type Registry,
  type SourceOptions,
} from "@denoise/core";
import { hubRemote } from "./api.ts";
import { currentId } from "./hub.ts";
import { inspectComponent, type InspectedComponent, readParts } from "./inspect_component.ts";
import { PartReader } from "./part_reader.ts";
import { indexFile, MODEL_INDEX, planPipeline, rolesOf } from "./plan.ts";
import type { RepoFile } from "./remote.ts";
import { openRepo, type PinnedRepo } from "./repo.ts";
import { countParameters } from "./parameters.ts";
import { apiSettings, fetchSettings, type HubOptions } from "./settings.ts";
import { isVisible } from "./snapshot.ts";

/** What a repo is and needs. */
export interface InspectReport {
  /** The repo, after renames. */
  readonly id: string;
  /** The commit. */
  readonly commit: string;
  /** The pipeline's class. */
  readonly pipeline: string;
  /** Whether the registry has a plugin for it; `undefined` without a registry. */
  readonly isAvailable: boolean | undefined;
  /** Its components, in the order of model_index.json; empty roles are left out. */
  readonly components: readonly InspectedComponent[];
  /** The files to load, and which of them the cache has. */
  readonly files: readonly {
    readonly path: string;
    readonly size: number;
    readonly isCached: boolean;
  }[];
  /** Bytes that a load would download. */
  readonly downloadBytes: number;
  /** Numbers in all weights. */
  readonly parameters: number;
  /**
   * Memory to run it on the CPU, where weights compute as float32: four bytes a number and a tenth
   * more for the rest (3.75 GB were measured for the 3.44 GB of the SD 1.5 UNet at 512x512).
   */
  readonly memoryBytes: number;
  /** What concerns the repo as a whole, such as weights that are only there as pickles. */
  readonly problems: readonly string[];
}

/** How a repo is inspected. */
export interface InspectOptions extends
  HubOptions,
  Pick<
    SourceOptions,
    "revision" | "variant" | "localFilesOnly" | "signal" | "onWarning"
  > {
  /** The plugins to look for classes in. */
  readonly registry?: Registry | undefined;
  /** Components to leave out. */
  readonly skip?: readonly string[] | undefined;
}

/** Memory beside the weights, as a factor of them. */
const OVERHEAD = 1.1;

/** The planned files; a plan that fails is a problem of the repo, not of the inspection. */
function plannedFiles(
  { config, places }: ModelIndex,
  repo: PinnedRepo,
  options: InspectOptions,
  problems: string[],
): RepoFile[] {
  const { variant, skip = [] } = options;
  try {
    const names = repo.files.map((file) => file.path);
    const without = [...skip, ...places.keys()];
    const plan = planPipeline(config, names, { variant, skip: without, id: repo.id });
    problems.push(...plan.warnings);
    return repo.files.filter((file) => plan.files.includes(file.path));
  } catch (error) {
    if (!(error instanceof DenoiseError)) throw error;
    problems.push(error.message);
    return [];
  }
}

/**
 * Says what a repo is and needs, and what of it would not work, without downloading its weights:
 * only the small files and the headers of the weights are read.
 *
 * @example
 * ```ts ignore
 * import { inspect } from "@denoise/hub";
 * import { registry } from "@denoise/denoise/registry";
 *
 * const report = await inspect("stable-diffusion-v1-5/stable-diffusion-v1-5", { registry });
 * console.log(report.pipeline, report.parameters, report.components.map((part) => part.problems));
 * ```
 */
export async function inspect(id: string, options: InspectOptions = {}): Promise<InspectReport> {
  const current = await currentId(id, options, options);
  const settings = fetchSettings(options, options);
  const remote = hubRemote(await apiSettings(options, options));
  const { registry, signal } = options;
  const repo = await openRepo(remote, current, options.revision ?? "main", settings, signal);
  const { commit } = repo.resolved;
  const reader = new PartReader(remote, repo, settings.stall, signal);
  const file = indexFile(repo.files);
  if (file === undefined) {
    throw new DenoiseError(
      "missing_file",
      `Cannot inspect ${current}: it has no ${MODEL_INDEX}, so it is not the repo of a pipeline`,
    );
  }
  const location = { path: "", id: repo.id, commit };
  const text = await reader.text(file);
  const index = await readModelIndex(location, (name) => name === file.path ? text : undefined);
  const problems: string[] = [];
  const files = plannedFiles(index, repo, options, problems);

  const parts = await readParts(files, reader, settings.concurrency, problems);
  const components: InspectedComponent[] = [];
  for (const [role, [library, className]] of rolesOf(index.config)) {
    if (className === null || options.skip?.includes(role)) continue;
    const place = index.places.get(role);
    if (place !== undefined) {
      problems.push(`${role} lies in ${place.repo}, which was not looked at`);
      continue;
    }
    const entry = [library, className] as const;
    components.push(await inspectComponent(role, entry, repo, files, parts, options));
  }
  const parameters = countParameters(
    [...parts.headers.values()].flatMap(({ tensors }) => [...tensors.values()]),
  );
  const listed = await Promise.all(files.map(async ({ path, size, ...rest }) => {
    const isCached = await isVisible(repo.layout, commit, { path, size, ...rest });
    return { path, size, isCached };
  }));
  const pipeline = String([index.config["_class_name"]].flat().at(-1));
  return {
    id: repo.resolved.id,
    commit,
    pipeline,
    isAvailable: registry?.has(pipeline),
    components,
    files: listed,
    downloadBytes: listed.reduce((sum, file) => sum + (file.isCached ? 0 : file.size), 0),
    parameters,
    memoryBytes: Math.ceil(parameters * 4 * OVERHEAD),
    problems,
  };
}

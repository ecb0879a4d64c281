/** What a repo is, what it needs and what would not work, by reading headers only. */

import {
  DenoiseError,
  type JsonObject,
  parseConfig,
  type Registry,
  type SourceOptions,
} from "@denoise/core";
import { hubRemote } from "./api.ts";
import { currentId } from "./hub.ts";
import { MODEL_INDEX, planPipeline, rolesOf } from "./plan.ts";
import { runPool } from "./pool.ts";
import { MAX_CONFIG, PartReader } from "./part_reader.ts";
import { type ComponentProblem, type ReadParts, tryComponent } from "./try_component.ts";
import type { RepoFile } from "./remote.ts";
import { openRepo, type PinnedRepo } from "./repo.ts";
import {
  countNumbers,
  countParameters,
  type SafetensorsHeader,
  type TensorHeader,
} from "./safetensors.ts";
import { apiSettings, fetchSettings, type HubOptions } from "./settings.ts";
import { isVisible } from "./snapshot.ts";
import { folderOf } from "./weights.ts";

/** A component of a repo. */
export interface InspectedComponent {
  /** Its role in model_index.json. */
  readonly role: string;
  /** The Python library that it comes from. */
  readonly library: string;
  /** Its class. */
  readonly className: string;
  /** Whether the registry has a plugin for the class; `undefined` without a registry. */
  readonly isAvailable: boolean | undefined;
  /** How many numbers its weights hold. */
  readonly parameters: number;
  /** Bytes of its files. */
  readonly bytes: number;
  /** Numbers of each type, such as `{ F16: 859520964 }`. */
  readonly dtypes: Readonly<Record<string, number>>;
  /** Unsupported options, missing and unexpected tensors; known only for available classes. */
  readonly problems: readonly ComponentProblem[];
}

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
  index: JsonObject,
  repo: PinnedRepo,
  options: InspectOptions,
  problems: string[],
): RepoFile[] {
  const { variant, skip } = options;
  try {
    const names = repo.files.map((file) => file.path);
    const plan = planPipeline(index, names, { variant, skip, id: repo.id });
    problems.push(...plan.warnings);
    return repo.files.filter((file) => plan.files.includes(file.path));
  } catch (error) {
    if (!(error instanceof DenoiseError)) throw error;
    problems.push(error.message);
    return [];
  }
}

/** Configs and indexes of shards; vocabularies tell nothing here. */
const CONFIG = /(^|\/)(\w*config\.json|[^/]*\.index(\.\w+)?\.json)$/;

/** Reads the configs and the headers of the weights. */
async function readParts(
  files: readonly RepoFile[],
  reader: PartReader,
  concurrency: number,
  problems: string[],
): Promise<ReadParts> {
  const headers = new Map<string, SafetensorsHeader>();
  const texts = new Map<string, string>();
  const isText = ({ path, size }: RepoFile) => CONFIG.test(path) && size < MAX_CONFIG;
  const isWeights = ({ path }: RepoFile) => path.endsWith(".safetensors");
  const wanted = files.filter((file) => isText(file) || isWeights(file));
  await runPool(wanted, concurrency, async (file) => {
    try {
      if (isText(file)) texts.set(file.path, await reader.text(file));
      else headers.set(file.path, await reader.header(file));
    } catch (error) {
      if (!(error instanceof DenoiseError) || error.code !== "invalid_safetensors") throw error;
      problems.push(error.message);
    }
  });
  return { headers, texts };
}

/** Numbers of each type. */
function countByType(tensors: readonly TensorHeader[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const tensor of tensors) {
    counts[tensor.dtype] = (counts[tensor.dtype] ?? 0) + countNumbers(tensor);
  }
  return counts;
}

/** The planned files of a component: those of its folder, or of the root where it has none. */
function ownFiles(
  role: string,
  className: string,
  repo: PinnedRepo,
  files: readonly RepoFile[],
): RepoFile[] {
  const isInFolder = repo.files.some((file) => folderOf(file.path) === role);
  if (isInFolder) return files.filter((file) => folderOf(file.path) === role);
  const isScheduler = className.endsWith("Scheduler");
  return files.filter(({ path }) =>
    folderOf(path) === "" && path !== MODEL_INDEX &&
    isScheduler === (path === "scheduler_config.json")
  );
}

async function inspectComponent(
  role: string,
  [library, className]: readonly [string | null, string],
  repo: PinnedRepo,
  files: readonly RepoFile[],
  parts: ReadParts,
  { registry, variant }: InspectOptions,
): Promise<InspectedComponent> {
  const own = ownFiles(role, className, repo, files);
  const tensors = own.flatMap(({ path }) => [...parts.headers.get(path)?.tensors.values() ?? []]);
  const location = { id: repo.id, commit: repo.resolved.commit, variant };
  return {
    role,
    library: library ?? "",
    className,
    isAvailable: registry?.has(className),
    parameters: countParameters(tensors),
    bytes: own.reduce((sum, file) => sum + file.size, 0),
    dtypes: countByType(tensors),
    problems: registry?.has(className) && own.length > 0
      ? await tryComponent(registry, className, own, parts, location)
      : [],
  };
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
  const indexFile = repo.files.find((file) => file.path === MODEL_INDEX);
  if (indexFile === undefined) {
    throw new DenoiseError(
      "missing_file",
      `Cannot inspect ${current}: it has no ${MODEL_INDEX}, so it is not the repo of a pipeline`,
    );
  }
  const index = parseConfig(await reader.text(indexFile), `${current}/${MODEL_INDEX}`);
  const problems: string[] = [];
  const files = plannedFiles(index, repo, options, problems);

  const parts = await readParts(files, reader, settings.concurrency, problems);
  const components: InspectedComponent[] = [];
  for (const [role, [library, className]] of rolesOf(index)) {
    if (className === null || options.skip?.includes(role)) continue;
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
  const pipeline = String([index["_class_name"]].flat().at(-1));
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

/** What a component of a repo is and needs, and what loading it would say. */

import { DenoiseError, type Registry } from "@denoise/core";
import type { StoredHeader, TensorInfo } from "@denoise/safetensors";
import { MAX_CONFIG, type PartReader } from "./part_reader.ts";
import { MODEL_INDEX } from "./plan.ts";
import { runPool } from "./pool.ts";
import type { RepoFile } from "./remote.ts";
import type { PinnedRepo } from "./repo.ts";
import { countNumbers, countParameters } from "./parameters.ts";
import { type ComponentProblem, type ReadParts, tryComponent } from "./try_component.ts";
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

/** Configs and indexes of shards; vocabularies tell nothing here. */
const CONFIG = /(^|\/)(\w*config\.json|[^/]*\.index(\.\w+)?\.json)$/;

/** Reads the configs and the headers of the weights. */
export async function readParts(
  files: readonly RepoFile[],
  reader: PartReader,
  concurrency: number,
  problems: string[],
): Promise<ReadParts> {
  const headers = new Map<string, StoredHeader>();
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
function countByType(tensors: readonly TensorInfo[]): Record<string, number> {
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
    folderOf(path) === "" && !path.endsWith(MODEL_INDEX) &&
    isScheduler === (path === "scheduler_config.json")
  );
}

/** Looks at one component. */
export async function inspectComponent(
  role: string,
  [library, className]: readonly [string | null, string],
  repo: PinnedRepo,
  files: readonly RepoFile[],
  parts: ReadParts,
  { registry, variant }: { registry?: Registry | undefined; variant?: string | undefined },
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

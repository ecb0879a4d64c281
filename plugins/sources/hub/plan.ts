/**
 * Which files of a repo a pipeline or a component needs: the choice that
 * `DiffusionPipeline.download` of diffusers 0.42.1 makes, with two departures. Pickled weights are
 * never chosen, and neither is a component that model_index.json leaves empty (`[null, null]`).
 */

import type { JsonObject } from "@denoise/core";
import { anyGlob } from "./glob.ts";
import { pickleError, weightWarnings } from "./plan_messages.ts";
import { chooseWeights, folderOf, isPickle, modelFiles, withoutSafetensors } from "./weights.ts";

/** The index of a pipeline. */
export const MODEL_INDEX = "model_index.json";

/** The index of a pipeline of blocks, where a repo has no other. */
export const MODULAR_MODEL_INDEX = "modular_model_index.json";

/** The index among a repo's files; undefined in a repo of no pipeline. */
export function indexFile<F extends { readonly path: string }>(files: readonly F[]): F | undefined {
  const named = (name: string) => files.find(({ path }) => path === name);
  return named(MODEL_INDEX) ?? named(MODULAR_MODEL_INDEX);
}

/** The files to fetch, and what a user should know about the choice. */
export interface FilePlan {
  /** File names in the repo, sorted. */
  readonly files: readonly string[];
  /** Lines for the user. */
  readonly warnings: readonly string[];
}

/** What is wanted of a pipeline's repo. */
export interface PipelinePlanOptions {
  /** Weights variant such as `"fp16"`. */
  readonly variant?: string | undefined;
  /** Components that the caller brings or leaves out, or that lie elsewhere. */
  readonly skip?: readonly string[] | undefined;
  /** The repo's id, for messages. */
  readonly id?: string | undefined;
}

/** Names of root files that any pipeline may need. */
export const ROOT_FILES: readonly string[] = [
  "scheduler_config.json",
  "config.json",
  MODEL_INDEX,
  MODULAR_MODEL_INDEX,
  "pipeline.py",
  "chat_template.jinja",
  "generation_config.json",
  "preprocessor_config.json",
  "processor_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
];

/** Pipelines that name their other half in README.md. */
const CONNECTED = /^(Kandinsky(V22)?(Img2Img|Inpaint)?|StableCascade|Wuerstchen)CombinedPipeline$/;

/** Endings that the reference ignores once a repo has .safetensors. */
export const IGNORED: readonly string[] = ["bin", "msgpack", "onnx", "pb"];

/** The components of a model_index.json: role to library and class, empty roles included. */
export function rolesOf(index: JsonObject): Map<string, readonly [string | null, string | null]> {
  const roles = new Map<string, readonly [string | null, string | null]>();
  for (const [role, value] of Object.entries(index)) {
    if (role !== "_class_name" && role !== "_ignore_files" && Array.isArray(value)) {
      roles.set(role, value as unknown as readonly [string | null, string | null]);
    }
  }
  return roles;
}

function isEmpty(entry: readonly [string | null, string | null]): boolean {
  return (entry[0] ?? null) === null && (entry[1] ?? null) === null;
}

function stringsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

/**
 * The files of a repo that a pipeline needs.
 *
 * @param index The content of its index, as of a model_index.json.
 * @param names All files of the repo.
 * @throws {DenoiseError} `pickle_refused` when a component has no .safetensors weights,
 * `missing_file` when nothing is of the variant.
 */
export function planPipeline(
  index: JsonObject,
  names: readonly string[],
  options: PipelinePlanOptions = {},
): FilePlan {
  const { variant, id = "this repo" } = options;
  const roles = rolesOf(index);
  const skip = [
    ...options.skip ?? [],
    ...[...roles].filter(([_, entry]) => isEmpty(entry)).map(([role]) => role),
  ];
  const ignoredFiles = new Set(stringsOf(index["_ignore_files"]));
  const known = names.filter((name) => !ignoredFiles.has(name));
  const weightFolders = new Set(modelFiles(known).map(folderOf).filter((name) => roles.has(name)));

  const pickled = withoutSafetensors(known, skip, weightFolders, variant);
  if (pickled.length > 0) throw pickleError(id, known, pickled, variant);
  const weights = chooseWeights(known, variant, IGNORED);

  const [customFile] = stringsOf(index["_class_name"]);
  const className = String([index["_class_name"]].flat().at(-1));
  const allowed = [
    ...weights.files,
    ...[...roles.keys()].filter((role) => !weightFolders.has(role)).map((role) => `${role}/*`),
    ...[...roles].map(([role, [module]]) => `${role}/${module}.py`).filter((file) =>
      known.includes(file)
    ),
    ...(customFile === undefined ? [] : [`${customFile}.py`]),
    ...[...weightFolders].map((folder) => `${folder}/config.json`),
  ].filter((pattern) => {
    const parts = pattern.split("/");
    return !(parts.length === 2 && skip.includes(parts[0]!));
  });
  const isAllowed = anyGlob([
    ...allowed,
    ...ROOT_FILES,
    ...(CONNECTED.test(className) ? ["README.md"] : []),
  ]);
  const isIgnored = anyGlob(
    IGNORED.flatMap((ending) => [`*.${ending}`, `*.${ending}.index.*json`]),
  );
  return {
    files: names.filter((name) => isAllowed(name) && !isIgnored(name) && !isPickle(name)).sort(),
    warnings: weightWarnings(weights, known, variant),
  };
}

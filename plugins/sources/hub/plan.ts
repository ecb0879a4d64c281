/**
 * Which files of a repo a pipeline or a component needs: the choice that
 * `DiffusionPipeline.download` of diffusers 0.42.1 makes, with two departures. Pickled weights are
 * never chosen, and neither is a component that model_index.json leaves empty (`[null, null]`).
 */

import { DenoiseError, type JsonObject } from "@denoise/core";
import { anyGlob } from "./glob.ts";
import {
  chooseWeights,
  type ChosenWeights,
  folderOf,
  hasLegacyShards,
  isPickle,
  modelFiles,
  withoutSafetensors,
} from "./weights.ts";

/** The index of a pipeline. */
export const MODEL_INDEX = "model_index.json";

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
  /** Components that the caller brings or leaves out. */
  readonly skip?: readonly string[] | undefined;
  /** The repo's id, for messages. */
  readonly id?: string | undefined;
}

/** Names of root files that any pipeline may need. */
const ROOT_FILES = [
  "scheduler_config.json",
  "config.json",
  MODEL_INDEX,
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
const IGNORED = ["bin", "msgpack", "onnx", "pb"];

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
 * @param index The content of model_index.json.
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

function weightWarnings(
  { files, ofVariant }: ChosenWeights,
  names: readonly string[],
  variant: string | undefined,
): string[] {
  if (variant === undefined) return [];
  const warnings: string[] = [];
  if (hasLegacyShards(names, variant)) {
    warnings.push(
      `The shards of variant ${variant} are named in a deprecated way ` +
        `(model-00001-of-00002.${variant}.safetensors); they are loaded all the same`,
    );
  }
  const plain = files.filter((name) => !ofVariant.includes(name));
  if (plain.length > 0) {
    warnings.push(
      `A mixture of ${variant} and non-${variant} filenames will be loaded.\n` +
        `Loaded ${variant} filenames: [${[...ofVariant].sort().join(", ")}]\n` +
        `Loaded non-${variant} filenames: [${plain.sort().join(", ")}]`,
    );
  }
  return warnings;
}

function pickleError(
  id: string,
  names: readonly string[],
  components: readonly string[],
  variant: string | undefined,
): DenoiseError {
  const inThem = names.filter((name) =>
    components[0] === "" || components.includes(folderOf(name))
  );
  const pickles = inThem.filter(isPickle);
  const where = components[0] === "" ? id : `${components.join(", ")} of ${id}`;
  const has = pickles.length > 0
    ? `it has ${pickles.slice(0, 5).join(", ")}${pickles.length > 5 ? ", ..." : ""}, Python ` +
      "pickles that can run code when they are read, and are never fetched here"
    : `it has ${modelFiles(inThem).slice(0, 5).join(", ") || "no weights at all"}`;
  return new DenoiseError(
    pickles.length > 0 ? "pickle_refused" : "missing_file",
    "Could not find the necessary `safetensors` weights in " +
      `${where}${variant === undefined ? "" : ` (variant=${variant})`}: ${has}. Use a repo or a ` +
      'revision that has .safetensors (often { revision: "refs/pr/1" }), pass the component ' +
      "yourself, or convert it once in Python with save_pretrained(folder, safe_serialization=True)",
  );
}

/** What is wanted of one component. */
export interface ComponentPlanOptions {
  /** The component's folder; the root unless given. */
  readonly subfolder?: string | undefined;
  /** Whether it has weights: `true` they must be there, `false` none are taken. */
  readonly weights?: boolean | undefined;
  /** Weights variant such as `"fp16"`. */
  readonly variant?: string | undefined;
  /** The repo's id, for messages. */
  readonly id?: string | undefined;
}

/** Files without weights that a component may have at the root, where a repo keeps much else. */
const COMPONENT_FILES = new Set([
  ...ROOT_FILES.filter((name) => name !== MODEL_INDEX && name !== "pipeline.py"),
  "added_tokens.json",
  "image_processor_config.json",
  "merges.txt",
  "sentencepiece.bpe.model",
  "special_tokens_map.json",
  "spiece.model",
  "tokenizer.model",
  "vocab.json",
  "vocab.txt",
]);

/** Endings of weights, in this format or another. */
const ANY_WEIGHTS = /\.(safetensors|bin|onnx|pb|msgpack|flashpack|h5|ot|gguf|tflite)$/;

/**
 * The files of one component, in its folder or at the root.
 *
 * @throws {DenoiseError} `missing_file` when there is no such folder or nothing of the variant,
 * `pickle_refused` when its weights are only there as pickles.
 */
export function planComponent(
  names: readonly string[],
  options: ComponentPlanOptions = {},
): FilePlan {
  const { subfolder = "", variant, id = "this repo" } = options;
  const inFolder = names.filter((name) => folderOf(name) === subfolder);
  if (inFolder.length === 0) throw noFolder(id, subfolder, names);
  const small = inFolder.filter((name) =>
    subfolder === ""
      ? COMPONENT_FILES.has(name)
      : !ANY_WEIGHTS.test(name) && !isPickle(name) && !/\.(safetensors|bin)\..*json$/.test(name)
  );
  if (options.weights === false) return { files: small.sort(), warnings: [] };
  const stored = modelFiles(inFolder).length > 0;
  if (!stored && options.weights !== true) return { files: small.sort(), warnings: [] };

  const lacking = withoutSafetensors(inFolder, [], new Set([subfolder]), variant);
  if (lacking.length > 0) throw pickleError(id, inFolder, [subfolder], variant);
  const weights = chooseWeights(inFolder, variant, IGNORED);
  return {
    files: [...new Set([...small, ...weights.files])].sort(),
    warnings: weightWarnings(weights, inFolder, variant),
  };
}

function noFolder(id: string, subfolder: string, names: readonly string[]): DenoiseError {
  const folders = [...new Set(names.map(folderOf))].filter((name) => name !== "").sort();
  return new DenoiseError(
    "missing_file",
    subfolder === ""
      ? `Cannot load a component from the root of ${id}: no file lies there; ` +
        `its folders are ${folders.join(", ") || "none"}`
      : `Cannot load ${JSON.stringify(subfolder)} of ${id}: there is no such folder; ` +
        `its folders are ${folders.slice(0, 20).join(", ") || "none"}`,
  );
}

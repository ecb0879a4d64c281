/**
 * Which files of a repo are weights, and which of them a variant means. The rules are those of
 * `diffusers/pipelines/pipeline_loading_utils.py` 0.42.1, oddities included.
 */

import { DenoiseError } from "@denoise/core";

const NAMES = "(?:diffusion_pytorch_model|model|weights|pytorch_model)";
const EXTENSIONS = "(?:bin|safetensors|onnx|pb)";
const SHARD = "\\d{5}-of-\\d{5}";
const MODEL_ENDINGS = ["bin", "safetensors", "onnx", "pb", "flashpack"];
const PICKLE = /\.(bin|pt|pth|ckpt|pkl|pickle|joblib|dill)$/i;

const PLAIN_FILE = new RegExp(`^${NAMES}(?:-${SHARD})?\\.${EXTENSIONS}$`);
const PLAIN_INDEX = new RegExp(`^${NAMES}\\.${EXTENSIONS}\\.index\\.json`);

/** The part of a name before the last slash; `""` at the root. */
export function folderOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf("/")));
}

function baseOf(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}

function matching(names: readonly string[], regex: RegExp): string[] {
  return names.filter((name) => regex.test(baseOf(name)));
}

/** Files that hold weights of any kind (the reference looks at how the name ends, without a dot). */
export function modelFiles(names: readonly string[]): string[] {
  return names.filter((name) => MODEL_ENDINGS.some((ending) => name.endsWith(ending)));
}

/** Files that Python would unpickle. None is fetched as a component's weights. */
export function isPickle(name: string): boolean {
  return PICKLE.test(name);
}

function variantPatterns(variant: string) {
  const word = variant.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
  return {
    file: new RegExp(`^${NAMES}\\.(?:${word}|${word}-${SHARD})\\.${EXTENSIONS}$`),
    index: new RegExp(`^${NAMES}\\.${EXTENSIONS}\\.index\\.${word}\\.json$`),
    legacyFile: new RegExp(`^.*-${SHARD}\\.${word}\\.[a-z]+$`),
    legacyIndex: new RegExp(`^${NAMES}\\.${EXTENSIONS}\\.${word}\\.index\\.json$`),
  };
}

/** Whether shards are named `model-00001-of-00002.fp16.safetensors`, as old versions wrote them. */
export function hasLegacyShards(names: readonly string[], variant: string): boolean {
  const { legacyFile } = variantPatterns(variant);
  return names.some((name) => legacyFile.test(name));
}

function grouped(names: readonly string[], key: (name: string) => string): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const name of names) {
    const at = key(name);
    const group = groups.get(at);
    if (group === undefined) groups.set(at, [name]);
    else group.push(name);
  }
  return groups;
}

/** Only `folder/file` belongs to a component; deeper files count as if they lay at the root. */
function componentOf(name: string): string {
  return name.split("/").length === 2 ? folderOf(name) : "";
}

function usable(names: readonly string[], variant: string | undefined): string[] {
  const found = variant === undefined ? [] : matching(names, variantPatterns(variant).file);
  return found.length > 0 ? found : matching(names, PLAIN_FILE);
}

/**
 * Components whose weights are not stored as .safetensors; `[""]` when there are no component
 * folders and none lies at the root.
 *
 * @param folders Folders of components that have weights; empty to look at all files.
 */
export function withoutSafetensors(
  names: readonly string[],
  skip: readonly string[],
  folders: ReadonlySet<string>,
  variant: string | undefined,
): string[] {
  const weights = modelFiles(names)
    .filter((name) => folders.size === 0 || folders.has(folderOf(name)));
  const components = grouped(
    weights.filter((name) => name.split("/").length === 2 && !skip.includes(folderOf(name))),
    folderOf,
  );
  if (components.size === 0) {
    return usable(weights, variant).some((name) => name.includes(".safetensors")) ? [] : [""];
  }
  return [...components]
    .filter(([_, files]) => !usable(files, variant).some((name) => name.endsWith(".safetensors")))
    .map(([component]) => component);
}

/** Weight files that fit a variant, with what fell back to the plain files. */
export interface ChosenWeights {
  /** All of them, index files of shards included. */
  readonly files: readonly string[];
  /** Those of the variant. */
  readonly ofVariant: readonly string[];
}

/**
 * Picks the weight files: those of the variant where a component has them, the plain ones where not.
 *
 * @param ignored Endings of files that are left out.
 * @throws {DenoiseError} `missing_file` when no file at all is of that variant.
 */
export function chooseWeights(
  names: readonly string[],
  variant: string | undefined,
  ignored: readonly string[],
): ChosenWeights {
  const plain: string[] = [];
  const ofVariant: string[] = [];
  for (const group of grouped(names, componentOf).values()) {
    const files = group.filter((name) => !ignored.some((ending) => name.endsWith(ending)));
    const chosen = variant === undefined ? [] : variantFiles(files, variant);
    if (chosen.length > 0) ofVariant.push(...chosen);
    else plain.push(...matching(files, PLAIN_FILE), ...matching(files, PLAIN_INDEX));
  }
  if (variant !== undefined && ofVariant.length === 0) throw noVariant(names, variant);
  return { files: [...plain, ...ofVariant], ofVariant };
}

function variantFiles(files: readonly string[], variant: string): string[] {
  const is = variantPatterns(variant);
  const current = matching(files, is.file);
  if (current.length > 0) return [...current, ...matching(files, is.index)];
  const legacy = matching(files, is.legacyFile);
  return legacy.length > 0 ? [...legacy, ...matching(files, is.legacyIndex)] : [];
}

/** The variants that a repo has weights of. */
export function variantsOf(names: readonly string[]): string[] {
  const regex = new RegExp(`^${NAMES}\\.([\\w-]+?)(?:-${SHARD})?\\.safetensors$`);
  const legacy = new RegExp(`^${NAMES}-${SHARD}\\.([\\w-]+)\\.safetensors$`);
  const found = names.map((name) => (baseOf(name).match(regex) ?? baseOf(name).match(legacy))?.[1]);
  return [...new Set(found.filter((name) => name !== undefined))].sort();
}

function noVariant(names: readonly string[], variant: string): DenoiseError {
  const known = variantsOf(names).map((name) => JSON.stringify(name));
  return new DenoiseError(
    "missing_file",
    `You are trying to load model files of the variant ${JSON.stringify(variant)}, but no such ` +
      `modeling files are available. The repo has ${
        known.length === 0 ? "no variants" : `the variants ${known.join(", ")}`
      }; leave { variant } out for the plain weights`,
  );
}

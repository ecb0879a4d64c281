import { readdir, readFile } from "node:fs/promises";
import { DenoiseError, isMissing, joinPath } from "@denoise/core";
import { openSafetensors } from "./open.ts";
import type { StoredTensor } from "./stored_tensor.ts";

/** How the weights of a component are looked for. */
export interface FindOptions {
  /** Variant such as `"fp16"`. */
  readonly variant?: string | undefined;
  /** `false` asks for pickles, which are refused. */
  readonly useSafetensors?: boolean | undefined;
  /**
   * Which is taken where a folder has shards with an index and a whole file: `"index"` as diffusers
   * does, `"whole"` as transformers does. Defaults to `"index"`.
   */
  readonly prefer?: "index" | "whole" | undefined;
}

/** The weight files of a component. */
export interface WeightFiles {
  /** Paths of the safetensors files; more than one when the weights are sharded. */
  readonly files: readonly string[];
  /** Which tensor lies in which file, when an index says so. */
  readonly index?: ReadonlyMap<string, string> | undefined;
}

/** Names that diffusers (first) and transformers give to weights. */
const STEMS = ["diffusion_pytorch_model", "model", "pytorch_model"];
const PICKLE = /\.(bin|ckpt|pt|pth|pkl)$/;

/** The names that an index has had over the years, the newest first. */
function indexNames(stem: string, variant: string | undefined): string[] {
  if (variant === undefined) return [`${stem}.safetensors.index.json`];
  return [
    `${stem}.safetensors.index.${variant}.json`,
    `${stem}.safetensors.${variant}.index.json`,
    `${stem}.${variant}.safetensors.index.json`,
  ];
}

/**
 * Finds the weights in a component's folder: one file, or shards by their index, of the variant
 * asked for.
 *
 * @throws {DenoiseError} `pickle_refused` when there are only pickles, `missing_file` when there are
 *   no weights of that variant.
 */
export async function findWeights(
  folder: string,
  { variant, useSafetensors, prefer = "index" }: FindOptions = {},
): Promise<WeightFiles> {
  const names = new Set(await namesIn(folder));
  if (useSafetensors === false) throw pickleRefused(folder, names, "useSafetensors is false");
  const middle = variant === undefined ? "" : `.${variant}`;
  for (const stem of STEMS) {
    const file = `${stem}${middle}.safetensors`;
    const whole = names.has(file) ? { files: [joinPath(folder, file)] } : undefined;
    if (whole !== undefined && prefer === "whole") return whole;
    const index = indexNames(stem, variant).find((name) => names.has(name));
    if (index !== undefined) return await readIndex(folder, index, names);
    if (whole !== undefined) return whole;
  }
  if ([...names].some((name) => PICKLE.test(name)) && !hasSafetensors(names)) {
    throw pickleRefused(folder, names, "there are no .safetensors weights");
  }
  throw new DenoiseError(
    "missing_file",
    variant === undefined
      ? `Cannot find weights in ${JSON.stringify(folder)}: there is no ${STEMS[0]}.safetensors ` +
        `or ${STEMS[1]}.safetensors${listing(names)}`
      : `Cannot find weights of variant ${JSON.stringify(variant)} in ${JSON.stringify(folder)}: ` +
        `there is no ${STEMS[0]}.${variant}.safetensors or ${STEMS[1]}.${variant}.safetensors` +
        listing(names),
  );
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    if (!isMissing(cause)) throw cause;
    throw new DenoiseError(
      "missing_file",
      `Cannot find weights in ${JSON.stringify(folder)}: there is no such folder`,
      { cause },
    );
  }
}

function hasSafetensors(names: Iterable<string>): boolean {
  return [...names].some((name) => name.endsWith(".safetensors"));
}

function listing(names: ReadonlySet<string>): string {
  const weights = [...names].filter((name) => name.endsWith(".safetensors")).sort();
  return weights.length === 0 ? "" : `; there is ${weights.join(", ")}`;
}

function pickleRefused(folder: string, names: ReadonlySet<string>, why: string): DenoiseError {
  const pickles = [...names].filter((name) => PICKLE.test(name)).sort();
  return new DenoiseError(
    "pickle_refused",
    `Cannot load the weights in ${JSON.stringify(folder)}: ${why}` +
      (pickles.length === 0 ? "" : `, only ${pickles.join(", ")}`) +
      ". Python pickles can run any code when they are read, so they never are. Convert them with " +
      "diffusers (save_pretrained writes .safetensors), or take a repo or revision that has " +
      ".safetensors files",
  );
}

async function readIndex(
  folder: string,
  name: string,
  names: ReadonlySet<string>,
): Promise<WeightFiles> {
  const path = joinPath(folder, name);
  const refuse = (problem: string, cause?: unknown) =>
    new DenoiseError("invalid_safetensors", `Cannot read ${JSON.stringify(path)}: ${problem}`, {
      cause,
    });
  let content: unknown;
  try {
    content = JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    throw refuse("it is not valid JSON", cause);
  }
  const map = (content as { weight_map?: unknown } | null)?.weight_map;
  if (typeof map !== "object" || map === null || Array.isArray(map)) {
    throw refuse("it has no weight_map");
  }
  const index = new Map<string, string>();
  for (const [tensor, file] of Object.entries(map)) {
    if (typeof file !== "string" || !/^[^/\\]+\.safetensors$/.test(file)) {
      throw refuse(
        `tensor ${JSON.stringify(tensor)} must lie in a .safetensors file of the same folder, ` +
          `but weight_map says ${JSON.stringify(file)}`,
      );
    }
    if (!names.has(file)) {
      throw new DenoiseError(
        "missing_file",
        `Cannot load the weights in ${JSON.stringify(folder)}: ${name} names ` +
          `${JSON.stringify(file)}, which is not there`,
      );
    }
    index.set(tensor, file);
  }
  const files = [...new Set(index.values())].sort().map((file) => joinPath(folder, file));
  return { files, index };
}

/**
 * The tensors of all weight files, by name.
 *
 * @throws {DenoiseError} `invalid_safetensors` for a file that breaks the format, or an index that
 *   does not fit its files.
 */
export async function openWeights(weights: WeightFiles): Promise<Map<string, StoredTensor>> {
  const opened = await Promise.all(weights.files.map(openSafetensors));
  const tensors = new Map<string, StoredTensor>();
  for (const [position, file] of opened.entries()) {
    const path = weights.files[position]!;
    for (const [name, tensor] of file.tensors) {
      if (tensors.has(name)) {
        throw new DenoiseError(
          "invalid_safetensors",
          `Cannot read ${JSON.stringify(path)}: tensor ${JSON.stringify(name)} also lies in ` +
            `another file`,
        );
      }
      tensors.set(name, tensor);
    }
  }
  for (const [name, file] of weights.index ?? []) {
    if (tensors.has(name)) continue;
    throw new DenoiseError(
      "invalid_safetensors",
      `Cannot read ${JSON.stringify(file)}: the index says that tensor ${JSON.stringify(name)} ` +
        `lies there, and it does not`,
    );
  }
  return tensors;
}

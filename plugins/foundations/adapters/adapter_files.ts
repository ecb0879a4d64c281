import { readdir } from "node:fs/promises";
import {
  type CallOptions,
  isFile,
  isFolder,
  joinPath,
  type LoadOptions,
  loadOptions,
  locate,
  type Registry,
  type SourceOptions,
} from "@denoise/core";

/** Where the file of an adapter lies, and how it is fetched from a repo. */
export interface AdapterFileOptions
  extends Omit<SourceOptions, "variant" | "useSafetensors">, Pick<LoadOptions, "registry"> {
  /** The folder of the file, in the folder or repo that is given. */
  readonly subfolder?: string | undefined;
}

const { revision, cacheDir, localFilesOnly, forceDownload, token, endpoint } = loadOptions;
const { progress, onProgress, onWarning, signal, registry } = loadOptions;

/** The declarations of {@linkcode AdapterFileOptions}. */
export const adapterFileOptions: CallOptions<AdapterFileOptions> = {
  ...{ revision, cacheDir, localFilesOnly, forceDownload, token, endpoint },
  ...{ progress, onProgress, onWarning, signal, registry },
  subfolder: { type: "string" },
};

/** Which files of an adapter are wanted. */
export interface WantedFiles {
  /** The adapter's files, of all that are in the folder. */
  readonly choose: (files: readonly string[]) => readonly string[];
  /** Files that belong to it, by their places in the repo: of all that it has. */
  readonly beside?: ((files: readonly string[]) => readonly string[]) | undefined;
}

/** Files of an adapter on this machine. */
export interface AdapterFiles {
  /** The folder that was given, or that of the repo; of a file given alone the file itself. */
  readonly root: string;
  /** Their paths. */
  readonly files: readonly string[];
}

const WEIGHTS = /\.(safetensors|gguf|bin|ckpt|pt|pth|pkl)$/;

/**
 * Finds the files of an adapter: a file as it is, those that are chosen in a folder, or out of a repo of the
 * Hub, of which nothing else is fetched.
 *
 * @param source A file, a folder, or a repo id.
 * @param given Options that an adapter is loaded with, of which those of {@linkcode AdapterFileOptions} count.
 * @throws {DenoiseError} `missing_file` for a repo without such a file.
 */
export async function adapterFiles(
  source: string | URL,
  { choose, beside = () => [] }: WantedFiles,
  given: AdapterFileOptions,
  own: Registry | undefined,
): Promise<AdapterFiles> {
  const { subfolder, ...options }: AdapterFileOptions = Object.fromEntries(
    Object.entries(given).filter(([name]) => Object.hasOwn(adapterFileOptions, name)),
  );
  const name = source instanceof URL ? decodeURIComponent(source.pathname) : source;
  const there = (file: string) => joinPath(subfolder, file);
  if (await isFolder(name)) {
    const entries = await isFolder(joinPath(name, subfolder))
      ? await readdir(joinPath(name, subfolder))
      : [];
    return { root: name, files: choose(entries.sort()).map((file) => joinPath(name, there(file))) };
  }
  const bound = options.registry ?? own;
  const isRepo = !WEIGHTS.test(name) && bound?.sourceFor(name) !== undefined;
  if (!isRepo || await isFile(name)) return { root: name, files: [name] };
  let chosen: readonly string[] = [];
  const { path } = await locate(name, {
    ...options,
    want: "files",
    choose: (files) => {
      const own = files.filter((file) => folderOf(file) === there("")).map(baseOf);
      chosen = choose(own).map(there);
      return [...chosen, ...beside(files)];
    },
  }, bound);
  return { root: path, files: chosen.map((file) => joinPath(path, file)) };
}

function folderOf(file: string): string {
  return file.slice(0, Math.max(0, file.lastIndexOf("/")));
}

function baseOf(file: string): string {
  return file.slice(file.lastIndexOf("/") + 1);
}

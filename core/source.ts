import type { CallOptions } from "./call_options.ts";
import type { ComponentLocation } from "./plugin.ts";

/** How far a download has come. */
export interface DownloadProgress {
  /** The file that moved, relative to the repo. */
  readonly file: string;
  /** Bytes of that file that are here, and its size. */
  readonly fileBytes: number;
  /** Size of that file in bytes. */
  readonly fileTotal: number;
  /** Bytes of all files that are here, and their size. */
  readonly bytes: number;
  /** Size of all files in bytes. */
  readonly total: number;
  /** Bytes a second, over the last seconds. */
  readonly rate: number;
  /** Seconds until all files are here at that rate; `Infinity` while nothing moves. */
  readonly remaining: number;
}

/** Where and how a repo is looked for; the same names as in diffusers' `from_pretrained`. */
export interface SourceOptions {
  /** Branch, tag or commit. Defaults to `"main"`. */
  readonly revision?: string | undefined;
  /** Weights variant such as `"fp16"` or `"non_ema"`. */
  readonly variant?: string | undefined;
  /** Take only .safetensors weights (the only kind that can be read, so `true` by default). */
  readonly useSafetensors?: boolean | undefined;
  /** Folder of the cache. */
  readonly cacheDir?: string | undefined;
  /** Never use the network. */
  readonly localFilesOnly?: boolean | undefined;
  /** Fetch again what the cache has. */
  readonly forceDownload?: boolean | undefined;
  /** Access token of the Hub. */
  readonly token?: string | undefined;
  /** Base address of the Hub. */
  readonly endpoint?: string | undefined;
  /** Whether bars on a terminal show how far it is. Defaults to true; not beside `onProgress`. */
  readonly progress?: boolean | undefined;
  /** Called as bytes arrive. */
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Receives warnings; `console.warn` by default. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Cancels the download. */
  readonly signal?: AbortSignal | undefined;
}

/** The declarations of {@linkcode SourceOptions}. */
export const sourceOptions: CallOptions<SourceOptions> = {
  revision: { type: "string" },
  variant: { type: "string" },
  useSafetensors: { type: "boolean" },
  cacheDir: { type: "string" },
  localFilesOnly: { type: "boolean" },
  forceDownload: { type: "boolean" },
  token: { type: "string" },
  endpoint: { type: "string" },
  progress: { type: "boolean" },
  onProgress: { type: "function" },
  onWarning: { type: "function" },
  signal: { type: "object" },
};

/** What is wanted of a repo. */
export interface SourceRequest extends SourceOptions {
  /** A whole pipeline by model_index.json, the files of one component, or those that are chosen. */
  readonly want: "pipeline" | "component" | "files";
  /** For files: those that are wanted of all that the repo has, by their places in it. */
  readonly choose?: ((files: readonly string[]) => readonly string[]) | undefined;
  /** The component's folder in the repo; the root when absent. */
  readonly subfolder?: string | undefined;
  /** For a component: which kind of files, config alone (a scheduler) or weights too. */
  readonly weights?: boolean | undefined;
  /** Components (roles of model_index.json) that the caller brings or leaves out. */
  readonly skip?: readonly string[] | undefined;
}

/**
 * A place that repos come from: the Hugging Face Hub, a mirror, a package.
 * A folder on disk needs no source.
 */
export interface Source {
  /** Its name in messages. */
  readonly name: string;
  /** Whether this source is the one for that id. */
  accepts(id: string): boolean;
  /** Brings the wanted files into a local folder; renames of the id are followed. */
  fetch(id: string, request: SourceRequest): Promise<ComponentLocation>;
}

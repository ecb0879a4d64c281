import process from "node:process";
import type { ShowProgress } from "@denoise/core";
import { notebookStream } from "./_notebook.ts";
import { ProgressBar } from "./progress_bar.ts";

/**
 * Shows the progress of loads and runs on a terminal (standard error) or under the cell of a notebook;
 * elsewhere, as in a server, it shows nothing. Registries have it as `progress`.
 *
 * @example
 * ```ts
 * import { Registry } from "@denoise/core";
 * import { showProgress } from "@denoise/terminal";
 *
 * const registry = new Registry({ progress: () => Promise.resolve(showProgress) });
 * ```
 */
export function showProgress(
  config: Parameters<ShowProgress>[0],
): ReturnType<ShowProgress> {
  if (config.disable) return undefined;
  const stream = notebookStream() ?? process.stderr;
  return stream.isTTY ? new ProgressBar({ ...config, stream }) : undefined;
}

import type { CallOptions } from "./call_options.ts";

/**
 * How progress is shown, by the names of tqdm.
 *
 * @category Pipelines
 */
export interface ProgressBarConfig {
  /** Shows nothing. Defaults to false. */
  readonly disable?: boolean | undefined;
  /** What stands in front of the bar. */
  readonly desc?: string | undefined;
  /** Whether a bar stays when it has ended. Defaults to true. */
  readonly leave?: boolean | undefined;
}

/** The declarations of {@linkcode ProgressBarConfig}. */
export const progressBarOptions: CallOptions<ProgressBarConfig> = {
  disable: { type: "boolean" },
  desc: { type: "string" },
  leave: { type: "boolean" },
};

/** Begins to show progress; undefined where nobody looks on, as in a server. */
export type ShowProgress = (
  config: ProgressBarConfig & { readonly total?: number | undefined; readonly unit?: string },
) => { update(done: number, total?: number): void; stop(): void } | undefined;

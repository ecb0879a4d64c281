import type { DownloadProgress, PipelineStep } from "@denoise/core";
import { PreviewArea } from "./preview.ts";
import type { AnyOutput } from "@denoise/loading";
import { ProgressBar } from "@denoise/terminal";

/** How a run is shown. */
export interface ShownRun {
  /** Shows nothing. */
  readonly quiet?: boolean | undefined;
  /** Draws an image of each so manieth step. */
  readonly preview?: number | undefined;
}

/** Runs a pipeline to its end with a progress bar, or plain lines where there is no terminal. */
export async function withProgress(
  run: AsyncGenerator<PipelineStep, AnyOutput, void>,
  { quiet, preview }: ShownRun = {},
): Promise<AnyOutput> {
  const bar = new ProgressBar({ desc: "denoising", unit: "step", disable: quiet });
  const area = preview !== undefined && !quiet && PreviewArea.isPossible
    ? new PreviewArea(bar)
    : undefined;
  try {
    for (;;) {
      const { done, value } = await run.next();
      if (done) return value;
      bar.update(value.index + 1, value.total);
      const isDrawn = area !== undefined && value.index % preview! === preview! - 1 &&
        value.index + 1 < value.total;
      if (!isDrawn) continue;
      const [image] = await value.preview();
      if (image !== undefined) area.draw(image);
    }
  } finally {
    area?.clear();
    if (bar.done > 0) bar.stop();
    else bar.clear();
  }
}

/** Shows downloads as they come; nothing is shown when everything is there already. */
export function downloadBar(
  quiet?: boolean,
): { onProgress(progress: DownloadProgress): void; stop(): void } {
  let bar: ProgressBar | undefined;
  return {
    onProgress({ bytes, total }) {
      bar ??= new ProgressBar({ desc: "downloading", unit: "B", total, disable: quiet });
      bar.update(bytes, total);
    },
    stop: () => bar?.stop(),
  };
}

const UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

/** A number of bytes for people: `1.7 GB`. */
export function formatBytes(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(bytes || 1) / 3)));
  const value = bytes / 1000 ** power;
  return `${power === 0 ? value : value.toFixed(value < 10 ? 2 : 1)} ${UNITS[power]}`;
}

/** A number of parameters for people: `859.5 M`. */
export function formatCount(count: number): string {
  if (count < 1e6) return `${(count / 1e3).toFixed(1)} k`;
  return count < 1e9 ? `${(count / 1e6).toFixed(1)} M` : `${(count / 1e9).toFixed(2)} G`;
}

import type { DownloadProgress, PipelineStep } from "@denoise/core";
import type { AnyOutput } from "@denoise/loading";
import { ProgressBar } from "@denoise/terminal";

/** Runs a pipeline to its end with a progress bar, or plain lines where there is no terminal. */
export async function withProgress(
  run: AsyncGenerator<PipelineStep, AnyOutput, void>,
): Promise<AnyOutput> {
  const bar = new ProgressBar({ desc: "denoising", unit: "step" });
  try {
    for (;;) {
      const { done, value } = await run.next();
      if (done) return value;
      bar.update(value.index + 1, value.total);
    }
  } finally {
    bar.stop();
  }
}

/** Shows downloads as they come; nothing is shown when everything is there already. */
export function downloadBar(): { onProgress(progress: DownloadProgress): void; stop(): void } {
  let bar: ProgressBar | undefined;
  return {
    onProgress({ bytes, total }) {
      bar ??= new ProgressBar({ desc: "downloading", unit: "B", total });
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

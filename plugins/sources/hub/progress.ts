import type { DownloadProgress } from "@denoise/core";

/** How long a rate looks back, in milliseconds. */
const WINDOW = 5_000;
/** The least time between two events of one file, in milliseconds. */
const INTERVAL = 50;

/** Adds up what arrives, and tells it. */
export class ProgressMeter {
  readonly #report: ((progress: DownloadProgress) => void) | undefined;
  readonly #total: number;
  readonly #reported = new Map<string, number>();
  readonly #here = new Map<string, number>();
  #bytes: number;
  #arrived = 0;
  #samples: { at: number; arrived: number }[] = [];

  /**
   * Starts to measure.
   *
   * @param total Bytes of all files.
   * @param cached Bytes of files that are here already.
   */
  constructor(
    total: number,
    cached: number,
    report: ((progress: DownloadProgress) => void) | undefined,
  ) {
    this.#total = total;
    this.#bytes = cached;
    this.#report = report;
    this.#samples.push({ at: performance.now(), arrived: 0 });
  }

  /**
   * A file now has that many bytes; fewer than before when its download starts over.
   *
   * @param moved How many of them came over the network just now.
   */
  update(file: string, fileBytes: number, fileTotal: number, moved: number): void {
    this.#bytes += fileBytes - (this.#here.get(file) ?? 0);
    this.#here.set(file, fileBytes);
    this.#arrived += moved;
    const now = performance.now();
    const last = this.#reported.get(file) ?? -Infinity;
    const isDone = fileBytes === fileTotal;
    if (this.#report === undefined || (now - last < INTERVAL && !isDone)) return;
    this.#reported.set(file, isDone ? Infinity : now);
    if (last === Infinity) return;
    const rate = this.#rate(now);
    const remaining = this.#bytes >= this.#total ? 0 : (this.#total - this.#bytes) / rate;
    this.#report({
      file,
      fileBytes,
      fileTotal,
      bytes: this.#bytes,
      total: this.#total,
      rate,
      remaining,
    });
  }

  #rate(now: number): number {
    this.#samples.push({ at: now, arrived: this.#arrived });
    while (this.#samples.length > 2 && now - this.#samples[1]!.at > WINDOW) this.#samples.shift();
    const first = this.#samples[0]!;
    return (this.#arrived - first.arrived) / Math.max(1e-3, (now - first.at) / 1000);
  }
}

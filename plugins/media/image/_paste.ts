import type { Pixels } from "./pixels.ts";

/** Copies an image into another of as many channels; what lies outside is left out. */
export function paste(target: Pixels, source: Pixels, left: number, top: number): void {
  const { channels } = target;
  const from = Math.max(0, -left);
  const to = Math.min(source.width, target.width - left);
  for (let y = Math.max(0, -top); y < Math.min(source.height, target.height - top); y++) {
    if (from >= to) return;
    const row = source.data.subarray(
      (y * source.width + from) * channels,
      (y * source.width + to) * channels,
    );
    target.data.set(row, ((y + top) * target.width + left + from) * channels);
  }
}

/** What a line of progress is made of. */
export interface ProgressState {
  readonly desc: string;
  readonly done: number;
  readonly total: number | undefined;
  /** Seconds since the start. */
  readonly seconds: number;
  readonly unit: string;
}

const BLOCKS = [" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"];
const PREFIXES = ["", "k", "M", "G", "T"];

/** A duration as `mm:ss`, with hours where there are any. */
export function formatTime(seconds: number): string {
  if (!Number.isFinite(seconds)) return "?";
  const whole = Math.round(seconds);
  const parts = [Math.floor(whole / 60) % 60, whole % 60];
  if (whole >= 3600) parts.unshift(Math.floor(whole / 3600));
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}

/** A count with its unit: bytes in powers of 1000, anything else as it is. */
export function formatCount(count: number, unit: string): string {
  if (unit !== "B") return String(count);
  let scaled = count;
  let power = 0;
  while (scaled >= 999.95 && power < PREFIXES.length - 1) {
    scaled /= 1000;
    power++;
  }
  return `${power === 0 ? scaled : scaled.toFixed(1)}${PREFIXES[power]}B`;
}

/** Speed: items a second, or seconds an item when that is more. */
export function formatRate(done: number, seconds: number, unit: string): string {
  if (done === 0 || seconds <= 0) return `?${unit}/s`;
  const rate = done / seconds;
  if (unit === "B") return `${formatCount(rate, unit)}/s`;
  return rate >= 1 ? `${rate.toFixed(2)}${unit}/s` : `${(1 / rate).toFixed(2)}s/${unit}`;
}

/** A bar of so many characters, in steps of an eighth. */
export function formatBar(fraction: number, width: number): string {
  const eighths = Math.floor(Math.min(1, Math.max(0, fraction)) * width * 8);
  const full = "█".repeat(Math.floor(eighths / 8));
  return (full + (eighths % 8 === 0 ? "" : BLOCKS[eighths % 8])).padEnd(width);
}

/**
 * A line of progress as tqdm writes it: `desc:  50%|█████     | 5/10 [00:02<00:02, 2.00it/s]`.
 *
 * @param columns The width of the terminal; without it the line has no bar.
 */
export function formatLine(state: ProgressState, columns?: number): string {
  const { done, total, seconds, unit } = state;
  const head = state.desc === "" ? "" : `${state.desc}: `;
  const rate = formatRate(done, seconds, unit);
  const elapsed = formatTime(seconds);
  if (total === undefined) {
    return `${head}${formatCount(done, unit)}${unit === "B" ? "" : unit} [${elapsed}, ${rate}]`;
  }
  const fraction = total === 0 ? 1 : done / total;
  const percent = `${Math.floor(fraction * 100)}%`.padStart(4);
  const left = formatTime(done === 0 ? Infinity : (total - done) * seconds / done);
  const counts = `${formatCount(done, unit)}/${formatCount(total, unit)}`;
  const tail = `${counts} [${elapsed}<${left}, ${rate}]`;
  if (columns === undefined) return `${head}${percent.trimStart()} ${tail}`;
  const room = columns - head.length - percent.length - tail.length - 4;
  return `${head}${percent}|${formatBar(fraction, Math.min(40, Math.max(1, room)))}| ${tail}`;
}

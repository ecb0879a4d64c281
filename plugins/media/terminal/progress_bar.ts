import process from "node:process";
import { formatLine } from "./_format.ts";
import { notebookStream } from "./_notebook.ts";

/** Where progress is written; `process.stderr` is one. */
export interface ProgressStream {
  /** Whether it is a terminal that can draw over a line. */
  readonly isTTY?: boolean | undefined;
  /** Characters of a line. */
  readonly columns?: number | undefined;
  /** Writes text. */
  write(text: string): unknown;
}

/** How progress is shown. */
export interface ProgressOptions {
  /** How many items there are; the bar needs it. */
  readonly total?: number | undefined;
  /** What stands in front of the bar. */
  readonly desc?: string | undefined;
  /** What is counted. Defaults to `"it"`. `"B"` counts bytes and shows kB, MB, GB. */
  readonly unit?: string | undefined;
  /** Where it is written. Defaults to standard error, or under the cell of a notebook. */
  readonly stream?: ProgressStream | undefined;
  /** Seconds between two lines where there is no terminal. Defaults to 5. */
  readonly interval?: number | undefined;
  /** Show nothing. */
  readonly disable?: boolean | undefined;
  /** Whether the bar stays on the terminal when it has ended. Defaults to true. */
  readonly leave?: boolean | undefined;
  /** The time in milliseconds; `performance.now` by default. */
  readonly now?: (() => number) | undefined;
}

/** A terminal is drawn to at most this often, in milliseconds. */
const FRAME = 100;

/**
 * A progress bar that is moved by hand. On a terminal it draws over one line; elsewhere it writes a
 * plain line now and then, and one at the end; under the cell of a Deno notebook it replaces its
 * line. It uses no timer: it draws when it is moved.
 *
 * @example
 * ```ts
 * import { ProgressBar } from "@denoise/terminal";
 * import { assertEquals } from "@std/assert";
 *
 * let text = "";
 * const stream = { write: (part: string) => text += part };
 * const bar = new ProgressBar({ total: 2, desc: "steps", stream, now: () => 0 });
 * bar.increment();
 * bar.increment();
 * bar.stop();
 * assertEquals(text, "steps: 100% 2/2 [00:00<00:00, ?it/s]\n");
 * ```
 */
export class ProgressBar {
  readonly #options: ProgressOptions;
  readonly #stream: ProgressStream;
  readonly #now: () => number;
  readonly #start: number;
  #total: number | undefined;
  #done = 0;
  #drawn: number;
  #written: number | undefined;
  #isStopped: boolean;

  /** Makes a bar and, on a terminal, draws it. */
  constructor(options: ProgressOptions = {}) {
    this.#options = options;
    this.#stream = options.stream ?? notebookStream() ?? process.stderr;
    this.#now = options.now ?? (() => performance.now());
    this.#start = this.#drawn = this.#now();
    this.#total = options.total;
    this.#isStopped = options.disable ?? false;
    if (this.#stream.isTTY) this.#draw();
  }

  /** How many items are done. */
  get done(): number {
    return this.#done;
  }

  /** Moves on by so many items. */
  increment(count = 1): void {
    this.update(this.#done + count);
  }

  /** Moves to so many items; `total` takes the place of the one it was made with. */
  update(done: number, total: number | undefined = this.#total): void {
    this.#done = done;
    this.#total = total;
    const pause = this.#stream.isTTY ? FRAME : (this.#options.interval ?? 5) * 1000;
    if (this.#now() - this.#drawn >= pause) this.#draw();
  }

  /** Draws it again on a terminal, such as below what was written there. */
  redraw(): void {
    if (this.#stream.isTTY) this.#draw();
  }

  /** Writes the last state and ends the line, or clears it without `leave`; a second call does nothing. */
  stop(): void {
    const { leave = true } = this.#options;
    if (this.#stream.isTTY || this.#written !== this.#done) this.#draw();
    if (!leave) return this.clear();
    if (this.#stream.isTTY && !this.#isStopped) this.#stream.write("\n");
    this.#isStopped = true;
  }

  /** Ends it without its last state, such as where an error says more; a terminal has its line back. */
  clear(): void {
    if (this.#stream.isTTY && !this.#isStopped) this.#stream.write("\r\x1b[K");
    this.#isStopped = true;
  }

  #draw(): void {
    if (this.#isStopped) return;
    this.#drawn = this.#now();
    this.#written = this.#done;
    const { desc = "", unit = "it" } = this.#options;
    const seconds = (this.#drawn - this.#start) / 1000;
    const state = { desc, done: this.#done, total: this.#total, seconds, unit };
    const isTTY = this.#stream.isTTY;
    const columns = this.#stream.columns || 80; // some pseudo-terminals say 0
    this.#stream.write(
      isTTY ? `\r${formatLine(state, columns).slice(0, columns)}\x1b[K` : `${formatLine(state)}\n`,
    );
  }
}

/** How a {@linkcode Watchdog} watches. */
export interface WatchdogOptions {
  /** Least milliseconds of silence after which the engine is taken for hung. */
  readonly silentMs: number;
  /** Asks for a sign of life. */
  readonly ask: () => void;
  /** Called once when none comes. */
  readonly onHung: (silentMs: number) => void;
}

/** How many times longer than the longest silence before a silence is a hang. */
const TIMES = 10;

/**
 * Notices an engine that hangs, as with a GPU that does not come back: nothing is heard of it for ten
 * times longer than its slowest step took, and not for the least time in any case.
 */
export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #timer: ReturnType<typeof setInterval>;
  #heardAt = performance.now();
  #longestMs = 0;
  #isAsked = false;

  /** Begins to watch an engine that is ready. */
  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#look(), options.silentMs / 4);
    Deno.unrefTimer(this.#timer);
  }

  /** Something has taken so long and was no hang, such as the first run of a model. */
  took(ms: number): void {
    this.#longestMs = Math.max(this.#longestMs, ms);
  }

  /** The engine was heard of. */
  heard(): void {
    const now = performance.now();
    this.took(now - this.#heardAt);
    this.#heardAt = now;
    this.#isAsked = false;
  }

  /** Watches no more. */
  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const silentMs = performance.now() - this.#heardAt;
    if (silentMs > Math.max(this.#options.silentMs, TIMES * this.#longestMs)) {
      this.close();
      this.#options.onHung(silentMs);
    } else if (!this.#isAsked) {
      this.#isAsked = true;
      this.#options.ask();
    }
  }
}

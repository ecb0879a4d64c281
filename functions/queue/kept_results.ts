type Timer = ReturnType<typeof setTimeout>;

/** Ids that are remembered after their results are dropped, to answer that they were there. */
const MAX_REMEMBERED = 10_000;

/** Ended jobs that are kept for one owner at most. */
const MAX_OF_OWNER = 1_000;

/** An ended job that is kept. */
interface Kept {
  readonly owner: string;
  readonly bytes: number;
  readonly timer: Timer;
}

/** Which ended jobs are still kept: for some time, and as long as there is room. */
export class KeptResults {
  readonly #maxBytes: number;
  readonly #drop: (id: string) => void;
  readonly #kept = new Map<string, Kept>();
  readonly #byOwner = new Map<string, Set<string>>();
  readonly #had = new Set<string>();
  #bytes = 0;

  /** Keeps at most so many bytes; `drop` is called with what is to go. */
  constructor(maxBytes: number, drop: (id: string) => void) {
    this.#maxBytes = maxBytes;
    this.#drop = drop;
  }

  /** Bytes of what is kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Keeps a result for some time; the oldest ones make room for it, those of its owner first. */
  keep(id: string, owner: string, bytes: number, ms: number): void {
    const timer = setTimeout(() => this.forget(id), ms);
    Deno.unrefTimer(timer);
    this.#kept.set(id, { owner, bytes, timer });
    this.#bytes += bytes;
    const own = this.#byOwner.get(owner) ?? new Set();
    this.#byOwner.set(owner, own.add(id));
    if (own.size > MAX_OF_OWNER) this.forget(own.values().next().value!);
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= this.#maxBytes || oldest === id) break;
      this.forget(oldest);
    }
  }

  /** Whether a result was kept and is no more. */
  had(id: string): boolean {
    return this.#had.has(id);
  }

  /** Drops everything. */
  clear(): void {
    for (const id of [...this.#kept.keys()]) this.forget(id);
  }

  /** Drops one; that it was there is remembered unless nobody will ask. */
  forget(id: string, remember = true): void {
    const kept = this.#kept.get(id);
    if (kept === undefined) return;
    clearTimeout(kept.timer);
    this.#kept.delete(id);
    this.#bytes -= kept.bytes;
    const own = this.#byOwner.get(kept.owner);
    own?.delete(id);
    if (own?.size === 0) this.#byOwner.delete(kept.owner);
    if (remember) this.#had.add(id);
    if (this.#had.size > MAX_REMEMBERED) this.#had.delete(this.#had.values().next().value!);
    this.#drop(id);
  }
}

import { ServeError } from "../contract/errors.ts";

/** What a {@linkcode ByteBudget} allows. */
export interface ByteBudgetOptions {
  /** Bytes in all. */
  readonly maxBytes: number;
  /** Bytes of one owner; all of them by default. */
  readonly maxBytesPerOwner?: number | undefined;
}

/** Memory that requests may take together, so that no number of them takes all of the machine's. */
export class ByteBudget {
  readonly #maxBytes: number;
  readonly #maxPerOwner: number;
  readonly #byOwner = new Map<string, number>();
  #taken = 0;

  /** Makes a budget of which nothing is taken. */
  constructor({ maxBytes, maxBytesPerOwner = maxBytes }: ByteBudgetOptions) {
    this.#maxBytes = maxBytes;
    this.#maxPerOwner = maxBytesPerOwner;
  }

  /** Bytes that are taken now. */
  get taken(): number {
    return this.#taken;
  }

  /**
   * Takes so many bytes.
   *
   * @throws {ServeError} `overloaded` when there are not as many.
   */
  take(owner: string, bytes: number): void {
    const own = (this.#byOwner.get(owner) ?? 0) + bytes;
    if (own > this.#maxPerOwner || this.#taken + bytes > this.#maxBytes) {
      throw new ServeError(
        "overloaded",
        "Cannot take the request: those that are here hold as many bytes as they may; ask again later",
        { retryAfterMs: 2_000 },
      );
    }
    this.#byOwner.set(owner, own);
    this.#taken += bytes;
  }

  /** Gives bytes back that were taken. */
  giveBack(owner: string, bytes: number): void {
    const own = (this.#byOwner.get(owner) ?? 0) - bytes;
    if (own > 0) this.#byOwner.set(owner, own);
    else this.#byOwner.delete(owner);
    this.#taken -= bytes;
  }
}

/** What one request takes of a budget, given back at once. */
export class ByteAccount {
  readonly #budget: ByteBudget;
  readonly #owner: string;
  #taken = 0;

  constructor(budget: ByteBudget, owner: string) {
    this.#budget = budget;
    this.#owner = owner;
  }

  /**
   * Takes so many bytes more.
   *
   * @throws {ServeError} `overloaded` when there are not as many.
   */
  take(bytes: number): void {
    this.#budget.take(this.#owner, bytes);
    this.#taken += bytes;
  }

  /** Gives all of them back. */
  close(): void {
    this.#budget.giveBack(this.#owner, this.#taken);
    this.#taken = 0;
  }
}

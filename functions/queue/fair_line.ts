/** Which line something waits in: of those put back into the queue, of those that people wait for, of the rest. */
export type Rank = 0 | 1 | 2;

/** Three lines, of which each is served when nothing waits in those before it. */
export class PriorityLine<T extends { readonly rank: Rank }> {
  readonly #lines = [new FairLine<T>(), new FairLine<T>(), new FairLine<T>()] as const;

  /** How many wait. */
  get length(): number {
    return this.#lines.reduce((sum, { length }) => sum + length, 0);
  }

  /** How many of an owner wait. */
  lengthOf(owner: string): number {
    return this.#lines.reduce((sum, line) => sum + line.lengthOf(owner), 0);
  }

  /** Adds one at the end of its owner's. */
  push(owner: string, item: T): void {
    this.#lines[item.rank].push(owner, item);
  }

  /** Takes the next one; its owner then comes after all others. */
  shift(): T | undefined {
    return this.#lines.find(({ length }) => length > 0)?.shift();
  }

  /** Takes one out; false when it does not wait. */
  remove(owner: string, item: T): boolean {
    return this.#lines[item.rank].remove(owner, item);
  }

  /** Those that wait, in the order in which they are served. */
  *[Symbol.iterator](): Generator<T, void, void> {
    for (const line of this.#lines) yield* line;
  }
}

/** Things that wait, served in turn between their owners, and in order for each of them. */
export class FairLine<T> {
  readonly #owners = new Map<string, T[]>();
  #length = 0;

  /** How many wait. */
  get length(): number {
    return this.#length;
  }

  /** How many of an owner wait. */
  lengthOf(owner: string): number {
    return this.#owners.get(owner)?.length ?? 0;
  }

  /** Adds one at the end of its owner's. */
  push(owner: string, item: T): void {
    const own = this.#owners.get(owner);
    if (own === undefined) this.#owners.set(owner, [item]);
    else own.push(item);
    this.#length++;
  }

  /** Takes the next one; its owner then comes after all others. */
  shift(): T | undefined {
    for (const [owner, own] of this.#owners) {
      const item = own.shift()!;
      this.#owners.delete(owner);
      if (own.length > 0) this.#owners.set(owner, own);
      this.#length--;
      return item;
    }
    return undefined;
  }

  /** Takes one out; false when it does not wait. */
  remove(owner: string, item: T): boolean {
    const own = this.#owners.get(owner) ?? [];
    const at = own.indexOf(item);
    if (at < 0) return false;
    own.splice(at, 1);
    if (own.length === 0) this.#owners.delete(owner);
    this.#length--;
    return true;
  }

  /** Those that wait, in the order in which they are served. */
  *[Symbol.iterator](): Generator<T, void, void> {
    const lines = [...this.#owners.values()];
    for (let turn = 0, left = this.#length; left > 0; turn++) {
      for (const own of lines) {
        if (turn >= own.length) continue;
        yield own[turn]!;
        left--;
      }
    }
  }
}

/** Two lines, of which the second is served when nothing waits in the first. */
export class PriorityLine<T extends { readonly isUrgent: boolean }> {
  readonly #urgent = new FairLine<T>();
  readonly #rest = new FairLine<T>();

  /** How many wait. */
  get length(): number {
    return this.#urgent.length + this.#rest.length;
  }

  /** How many of an owner wait. */
  lengthOf(owner: string): number {
    return this.#urgent.lengthOf(owner) + this.#rest.lengthOf(owner);
  }

  /** Adds one at the end of its owner's. */
  push(owner: string, item: T): void {
    this.#lineOf(item).push(owner, item);
  }

  /** Takes the next one; its owner then comes after all others. */
  shift(): T | undefined {
    return this.#urgent.shift() ?? this.#rest.shift();
  }

  /** Takes one out; false when it does not wait. */
  remove(owner: string, item: T): boolean {
    return this.#lineOf(item).remove(owner, item);
  }

  /** Those that wait, in the order in which they are served. */
  *[Symbol.iterator](): Generator<T, void, void> {
    yield* this.#urgent;
    yield* this.#rest;
  }

  #lineOf({ isUrgent }: T): FairLine<T> {
    return isUrgent ? this.#urgent : this.#rest;
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

/** A lock that many hold at once, or one alone, in the order in which they ask. */
export class SharedLock {
  /** Ends when the last who asked to be alone is done. */
  #alone: Promise<void> = Promise.resolve();
  /** Ends when all who asked for anything are done. */
  #all: Promise<void> = Promise.resolve();

  /** Does something beside others. */
  together<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#alone.then(task);
    this.#all = Promise.allSettled([this.#all, result]).then(() => {});
    return result;
  }

  /** Does something when all who asked before are done, and lets none in until it is done. */
  alone<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#all.then(task);
    this.#alone = this.#all = Promise.allSettled([result]).then(() => {});
    return result;
  }
}

/** Values that one side pushes and the other iterates over, once. */
export class Channel<T> implements AsyncIterable<T> {
  #values: T[] = [];
  #ended: { readonly error?: Error } | undefined;
  #waiting = Promise.withResolvers<void>();

  /** Values that wait to be read. */
  get behind(): number {
    return this.#values.length;
  }

  /** Adds a value. */
  push(value: T): void {
    if (this.#ended !== undefined) return;
    this.#values.push(value);
    this.#waiting.resolve();
  }

  /** Ends the values; with an error, the iteration throws it after the last of them. */
  end(error?: Error): void {
    this.#ended ??= error === undefined ? {} : { error };
    this.#waiting.resolve();
  }

  /** The values, as they come. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    for (;;) {
      const values = this.#values;
      this.#values = [];
      yield* values;
      if (this.#values.length > 0) continue;
      if (this.#ended !== undefined) {
        if (this.#ended.error !== undefined) throw this.#ended.error;
        return;
      }
      this.#waiting = Promise.withResolvers();
      await this.#waiting.promise;
    }
  }
}

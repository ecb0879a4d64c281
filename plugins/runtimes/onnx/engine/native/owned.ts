import { type Handle, type Ort, type Released, stored } from "./api.ts";

/** Objects of onnxruntime's, and other things, that are given back together: the last made first. */
export class Owned {
  readonly #ort: Pick<Ort, "release">;
  readonly #givers: (() => void)[] = [];

  /** Starts with none. */
  constructor(ort: Pick<Ort, "release">) {
    this.#ort = ort;
  }

  /** The object that a function makes. */
  keep(kind: Released, make: (place: BigUint64Array<ArrayBuffer>) => void): Handle {
    return this.adopt(kind, stored(make));
  }

  /** Takes over an object. */
  adopt(kind: Released, object: Handle): Handle {
    this.defer(() => this.#ort.release(kind, object));
    return object;
  }

  /** Does something when the rest is given back. */
  defer(give: () => void): void {
    this.#givers.push(give);
  }

  /** Hands all over to another owner. */
  keepAll(): void {
    this.#givers.length = 0;
  }

  /** Gives all back; a second time does nothing. */
  [Symbol.dispose](): void {
    for (const give of this.#givers.splice(0).reverse()) give();
  }
}

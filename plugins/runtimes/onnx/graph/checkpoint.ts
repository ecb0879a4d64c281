import { DenoiseError } from "@denoise/core";
import type { StoredTensor } from "@denoise/safetensors";

/** How a checkpoint's names are read. */
export interface CheckpointOptions {
  /** Today's name of a tensor that is stored under an old one. */
  readonly rename?: ((stored: string) => string) | undefined;
  /** Tensors that a model may leave alone, such as `position_ids`. */
  readonly ignore?: readonly RegExp[] | undefined;
}

/** The named tensors of a model, and which of them graphs have used so far. */
export class Checkpoint {
  readonly #tensors = new Map<string, StoredTensor>();
  readonly #modules = new Set<string>();
  readonly #used = new Set<string>();
  readonly #ignore: readonly RegExp[];

  /** Takes tensors by their stored names. */
  constructor(
    tensors: Iterable<readonly [string, StoredTensor]>,
    { rename = (name) => name, ignore = [] }: CheckpointOptions = {},
  ) {
    this.#ignore = ignore;
    for (const [stored, tensor] of tensors) {
      const name = rename(stored);
      this.#tensors.set(name, tensor);
      for (let dot = name.indexOf("."); dot !== -1; dot = name.indexOf(".", dot + 1)) {
        this.#modules.add(name.slice(0, dot));
      }
    }
  }

  /** The same with more tensors, by today's names. */
  with(more: Iterable<readonly [string, StoredTensor]>): Checkpoint {
    return new Checkpoint([...this.#tensors, ...more], { ignore: this.#ignore });
  }

  /** Whether there is a tensor of that name, or a module with tensors in it. */
  has(name: string): boolean {
    return this.#tensors.has(name) || this.#modules.has(name);
  }

  /** A tensor, without counting it as used; undefined when it is not there. */
  peek(name: string): StoredTensor | undefined {
    return this.#tensors.get(name);
  }

  /**
   * A tensor that a module asks for, counted as used.
   *
   * @throws {DenoiseError} `missing_tensor`.
   */
  take(name: string, module: string): StoredTensor {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) {
      throw new DenoiseError(
        "missing_tensor",
        `Cannot build ${module || "the model"}: the checkpoint has no tensor "${name}"`,
      );
    }
    this.#used.add(name);
    return tensor;
  }

  /** Tensors that no graph has used, in the order of the checkpoint. */
  unused(): string[] {
    return [...this.#tensors.keys()].filter((name) =>
      !this.#used.has(name) && !this.#ignore.some((pattern) => pattern.test(name))
    );
  }

  /** How many numbers the tensors in use hold. */
  get numParameters(): number {
    let total = 0;
    for (const name of this.#used) {
      total += this.#tensors.get(name)!.dims.reduce((product, dim) => product * dim, 1);
    }
    return total;
  }

  /** Every tensor by today's name. */
  entries(): Iterable<[string, StoredTensor]> {
    return this.#tensors.entries();
  }
}

/**
 * Makes sure that nothing of a checkpoint was left over.
 *
 * @throws {DenoiseError} `unexpected_tensor` naming the first few.
 */
export function assertAllUsed(checkpoint: Checkpoint, model: string): void {
  const unused = checkpoint.unused();
  if (unused.length === 0) return;
  const shown = unused.slice(0, 5).map((name) => `"${name}"`).join(", ");
  const rest = unused.length > 5 ? ` and ${unused.length - 5} more` : "";
  throw new DenoiseError(
    "unexpected_tensor",
    `Cannot build ${model}: its config has no place for ${unused.length} of the checkpoint's ` +
      `tensors: ${shown}${rest}. Does config.json belong to these weights?`,
  );
}

import { DenoiseError } from "@denoise/core";
import type { StoredTensor } from "@denoise/safetensors";
import type { QuantizedWeight } from "./quantized_weight.ts";

/** How a checkpoint's names are read. */
export interface CheckpointOptions {
  /** Today's name of a tensor that is stored under an old one. */
  readonly rename?: ((stored: string) => string) | undefined;
  /** Tensors that are none of the model's, such as `position_ids`; they are left out. */
  readonly ignore?: readonly RegExp[] | undefined;
  /** Quantized weights by the names of those whose place they take. */
  readonly quantized?: ReadonlyMap<string, QuantizedWeight> | undefined;
}

/** Up to that many numbers a model is small: 64 MiB in float32. */
const SMALL = 2 ** 24;

/** The named tensors of a model, and which of them graphs have used so far. */
export class Checkpoint {
  readonly #tensors = new Map<string, StoredTensor>();
  #storedNames = new Map<string, string>();
  #others = new Map<string, StoredTensor>();
  readonly #added = new Set<string>();
  readonly #used = new Set<string>();
  readonly #factors = new Set<string>();
  readonly #quantized: ReadonlyMap<string, QuantizedWeight>;
  #isSmall: boolean | undefined;

  /** Takes tensors by their stored names. */
  constructor(
    tensors: Iterable<readonly [string, StoredTensor]>,
    { rename = (name) => name, ignore = [], quantized = new Map() }: CheckpointOptions = {},
  ) {
    this.#quantized = quantized;
    for (const [stored, tensor] of tensors) {
      const name = rename(stored);
      if (ignore.some((pattern) => pattern.test(name))) {
        this.#others.set(stored, tensor);
      } else {
        this.#tensors.set(name, tensor);
        this.#storedNames.set(name, stored);
      }
    }
  }

  /** One of other tensors that knows the files of this one. */
  #derived(
    tensors: Iterable<readonly [string, StoredTensor]>,
    quantized: ReadonlyMap<string, QuantizedWeight>,
  ): Checkpoint {
    const checkpoint = new Checkpoint(tensors, { quantized });
    checkpoint.#storedNames = this.#storedNames;
    checkpoint.#others = this.#others;
    return checkpoint;
  }

  /**
   * The same with the tensors that an adapter adds, by today's names.
   *
   * @param own Quantized weights of these tensors by their names.
   */
  with(
    more: Iterable<readonly [string, StoredTensor]>,
    own: ReadonlyMap<string, QuantizedWeight> = new Map(),
  ): Checkpoint {
    const added = new Map(more);
    const quantized = new Map([
      ...[...this.#quantized].filter(([name]) => !added.has(name)),
      ...own,
    ]);
    const checkpoint = this.#derived([...this.#tensors, ...added], quantized);
    for (const name of [...this.#added, ...added.keys()]) {
      checkpoint.#added.add(name);
      for (let dot = name.indexOf("."); dot !== -1; dot = name.indexOf(".", dot + 1)) {
        checkpoint.#added.add(name.slice(0, dot));
      }
    }
    return checkpoint;
  }

  /** The same with weights that take the place of those under their names; graphs that used it use this one. */
  withQuantized(quantized: ReadonlyMap<string, QuantizedWeight>): Checkpoint {
    return this.#usedAs(this.#derived(this.#tensors, quantized));
  }

  /** Another one of the same names, whose use is this one's. */
  #usedAs(checkpoint: Checkpoint): Checkpoint {
    this.#used.forEach((name) => checkpoint.#used.add(name));
    this.#factors.forEach((name) => checkpoint.#factors.add(name));
    return checkpoint;
  }

  /** The quantized weight in the place of one that a layer multiplies with, counted as used. */
  takeFactor(name: string, module: string): QuantizedWeight | undefined {
    this.take(name, module);
    this.#factors.add(name);
    return this.#quantized.get(name);
  }

  /** Whether a quantized weight takes the place of the one of that name. */
  isQuantized(name: string): boolean {
    return this.#quantized.has(name);
  }

  /** The weights that layers multiply with, which could be quantized, as far as graphs were built. */
  factors(): [string, StoredTensor][] {
    return [...this.#factors].map((name) => [name, this.#tensors.get(name)!]);
  }

  /**
   * The same with its tensors at other places.
   *
   * @param others Those that are none of the model's, by their stored names.
   */
  moved(
    places: Iterable<readonly [string, StoredTensor]>,
    others: Iterable<readonly [string, StoredTensor]>,
  ): Checkpoint {
    const checkpoint = this.#derived([...this.#tensors, ...places], this.#quantized);
    checkpoint.#others = new Map(others);
    return this.#usedAs(checkpoint);
  }

  /** Whether an adapter has added a tensor of that name, or a module with tensors in it. */
  added(name: string): boolean {
    return this.#added.has(name);
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
    return [...this.#tensors.keys()].filter((name) => !this.#used.has(name));
  }

  /** Leaves these tensors out from now on. */
  drop(names: Iterable<string>): void {
    for (const name of names) this.#tensors.delete(name);
  }

  /** How many numbers the tensors in use hold. */
  get numParameters(): number {
    return numbersOf([...this.#used].map((name) => this.#tensors.get(name)!));
  }

  /** Whether all its numbers take at most 64 MiB in float32, so that it costs little to have them so. */
  get isSmall(): boolean {
    return this.#isSmall ??= numbersOf(this.#tensors.values()) <= SMALL;
  }

  /** Tensors of its files that are none of the model's, by their stored names. */
  others(): Iterable<[string, StoredTensor]> {
    return this.#others.entries();
  }

  /** The name that a tensor has in its files. */
  storedName(name: string): string {
    return this.#storedNames.get(name) ?? name;
  }

  /** Every tensor by today's name. */
  entries(): Iterable<[string, StoredTensor]> {
    return this.#tensors.entries();
  }
}

function numbersOf(tensors: Iterable<StoredTensor>): number {
  let total = 0;
  for (const { dims } of tensors) total += dims.reduce((product, dim) => product * dim, 1);
  return total;
}

/**
 * Makes sure that nothing of a checkpoint was left over.
 *
 * @throws {DenoiseError} `unexpected_tensor` naming the first few.
 */
export function assertAllUsed(checkpoint: Checkpoint, model: string): void {
  const unused = checkpoint.unused();
  if (unused.length === 0) return;
  throw new DenoiseError(
    "unexpected_tensor",
    `Cannot build ${model}: its config has no place for ${unused.length} of the checkpoint's ` +
      `tensors: ${listed(unused)}. Does config.json belong to these weights? If a trainer left ` +
      'them there, load with { unexpectedTensors: "warn" }',
  );
}

/**
 * Leaves out what no graph has used.
 *
 * @returns A warning that names the first few; undefined when everything was used.
 */
export function dropUnused(checkpoint: Checkpoint, model: string): string | undefined {
  const unused = checkpoint.unused();
  checkpoint.drop(unused);
  return unused.length === 0
    ? undefined
    : `${model}: ${unused.length} of the checkpoint's tensors were left out, as its config has ` +
      `no place for them: ${listed(unused)}`;
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 5).map((name) => `"${name}"`).join(", ");
  return shown + (names.length > 5 ? ` and ${names.length - 5} more` : "");
}

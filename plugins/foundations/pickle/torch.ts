import { itemSize, type StoredDType } from "@denoise/safetensors";
import type { PickleFunction } from "./machine.ts";

/** Numbers in a row, which tensors are windows of. */
export class PickledStorage {
  /** What each number is; undefined for bytes, whose type the tensor says. */
  readonly dtype: StoredDType | undefined;
  /** Its name in the file. */
  readonly key: string;
  /** How many bytes it has. */
  readonly length: number;

  constructor(dtype: StoredDType | undefined, key: string, count: number) {
    this.dtype = dtype;
    this.key = key;
    this.length = count * (dtype === undefined ? 1 : itemSize(dtype));
  }
}

/** A tensor as a pickle describes it. */
export class PickledTensor {
  readonly dtype: StoredDType;
  readonly storage: PickledStorage;
  /** At which number of the storage it begins. */
  readonly start: number;
  readonly dims: readonly number[];
  /** How far apart neighbours along each axis are, in numbers. */
  readonly strides: readonly number[];

  constructor(args: readonly unknown[], dtype?: StoredDType) {
    const [storage, start, dims, strides] = args;
    if (!(storage instanceof PickledStorage)) {
      throw new SyntaxError("its pickle makes a tensor of no storage");
    }
    if (!isSize(start) || !areSizes(dims) || !areSizes(strides) || dims.length !== strides.length) {
      throw new SyntaxError("its pickle makes a tensor whose sizes are no sizes");
    }
    const known = dtype ?? storage.dtype;
    if (known === undefined) throw new SyntaxError("its pickle makes a tensor of no type");
    this.dtype = known;
    this.storage = storage;
    this.start = start;
    this.dims = dims;
    this.strides = strides;
    const last = dims.reduce((sum, dim, axis) => sum + (dim - 1) * strides[axis]!, start);
    if (!dims.includes(0) && (last + 1) * itemSize(known) > storage.length) {
      throw new SyntaxError(
        `its tensor [${dims.join(", ")}] reaches beyond the ${storage.length} bytes of its storage`,
      );
    }
  }
}

/** The most axes that a tensor of torch has. */
const MOST_AXES = 64;

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && value as number >= 0;
}

function areSizes(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length <= MOST_AXES && value.every(isSize);
}

/** Storages by the names of their classes in torch. */
const STORAGES: Readonly<Record<string, StoredDType | undefined>> = {
  FloatStorage: "float32",
  DoubleStorage: "float64",
  HalfStorage: "float16",
  BFloat16Storage: "bfloat16",
  CharStorage: "int8",
  ShortStorage: "int16",
  IntStorage: "int32",
  LongStorage: "int64",
  ByteStorage: "uint8",
  BoolStorage: "bool",
};

/** Types that have no storage of their own: their tensors name them, and lie in bytes. */
const TYPES: readonly StoredDType[] = [
  ...["float8_e4m3fn", "float8_e5m2", "uint16", "uint32", "uint64"] as const,
];

/** A class of storages, as a persistent id names it. */
class StorageClass {
  readonly dtype: StoredDType | undefined;
  constructor(dtype: StoredDType | undefined) {
    this.dtype = dtype;
  }
}

/** A type of numbers, as `_rebuild_tensor_v3` takes it. */
class TypeOfNumbers extends StorageClass {}

function orderedDict([entries]: readonly unknown[]): Map<unknown, unknown> {
  const isPairs = Array.isArray(entries) && entries.every((pair) => Array.isArray(pair));
  if (entries !== undefined && !isPairs) {
    throw new SyntaxError("its pickle makes a dict of no pairs");
  }
  return new Map(entries as [unknown, unknown][] | undefined);
}

function parameter([data]: readonly unknown[]): PickledTensor {
  if (data instanceof PickledTensor) return data;
  throw new SyntaxError("its pickle makes a parameter of no tensor");
}

function tensorOfType(args: readonly unknown[]): PickledTensor {
  const type = args[6];
  if (type instanceof TypeOfNumbers) return new PickledTensor(args, type.dtype);
  throw new SyntaxError("its pickle makes a tensor of an unknown type");
}

function sizes([list]: readonly unknown[]): readonly number[] {
  if (areSizes(list)) return list;
  throw new SyntaxError("its pickle has sizes that are none");
}

const FUNCTIONS: Readonly<Record<string, PickleFunction>> = {
  "collections.OrderedDict": orderedDict,
  "torch.Size": sizes,
  "torch._utils._rebuild_tensor": (args) => new PickledTensor(args),
  "torch._utils._rebuild_tensor_v2": (args) => new PickledTensor(args),
  "torch._utils._rebuild_tensor_v3": tensorOfType,
  "torch._utils._rebuild_parameter": parameter,
};

/** What the pickles of torch name. */
export const GLOBALS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ...Object.entries(FUNCTIONS),
  ...Object.entries(STORAGES).map(([name, dtype]) =>
    [`torch.${name}`, new StorageClass(dtype)] as const
  ),
  ["torch.storage.UntypedStorage", new StorageClass(undefined)],
  ...TYPES.map((dtype) => [`torch.${dtype}`, new TypeOfNumbers(dtype)] as const),
]);

/** The storage of a persistent id: `("storage", class, key, location, count)`. */
export function storageOf(id: unknown): PickledStorage {
  const [word, kind, key, , count, view] = Array.isArray(id) ? id : [];
  const isKnown = word === "storage" && kind instanceof StorageClass && typeof key === "string";
  if (!isKnown || !isSize(count) || (view ?? null) !== null) {
    throw new SyntaxError("its pickle refers to something that is no storage of its own");
  }
  return new PickledStorage(kind.dtype, key, count);
}

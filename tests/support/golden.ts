/**
 * Reads what the reference has written into tests/golden; its README describes the files.
 *
 * @module
 */
import { Tensor } from "@denoise/core";
import { makeFixtures, safetensors } from "./fixtures.ts";
import { photo } from "./photo.ts";

makeFixtures(); // for a test file that is run by itself

const ROOT = new URL("../", import.meta.url);
const DTYPES: Record<string, { dtype: "float32" | "int64" | "uint8"; bytes: number }> = {
  F32: { dtype: "float32", bytes: 4 },
  I64: { dtype: "int64", bytes: 8 },
  U8: { dtype: "uint8", bytes: 1 },
};

/** The path of a folder or file in tests/fixtures. */
export function fixture(path: string): string {
  return new URL(`fixtures/${path}`, ROOT).pathname;
}

/** A value of a case: plain, or the name of a tensor. */
export type Stored = { readonly tensor: string } | string | number | boolean | null | Stored[];

/** A JSON file of tests/golden with the tensors beside it. */
export interface Golden<Head> {
  readonly head: Head;
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** The tensor that a stored value names, or the value itself. */
  value(stored: Stored | undefined): unknown;
}

/** A result of the reference of which only every so manyth number is kept. */
export class ThinnedTensor extends Tensor {
  constructor(
    kept: Tensor,
    readonly every: number,
    /** The largest absolute number of the whole. */
    readonly greatest: number,
    /** The shape of the whole. */
    readonly whole: readonly number[],
  ) {
    super(kept.dtype, kept.data, kept.dims);
  }
}

/** Reads `tests/golden/PATH.json`, its tensors and inputs. */
export async function readGolden<Head>(path: string): Promise<Golden<Head>> {
  const at = (extension: string) => new URL(`golden/${path}.${extension}`, ROOT);
  const text = await Deno.readTextFile(at("json"));
  const head = JSON.parse(text) as Head;
  const tensors = parseTensors(await Deno.readFile(at("safetensors")));
  for (const [name, tensor] of await drawn(at("rules"))) tensors.set(name, tensor);
  for (const [name] of text.matchAll(/inputs\/[0-9a-f]{12}/g)) {
    if (!tensors.has(name)) tensors.set(name, await readInput(name));
  }
  const value = (stored: Stored | undefined): unknown => {
    if (stored === null || typeof stored !== "object" || Array.isArray(stored)) return stored;
    return tensors.get(stored.tensor);
  };
  return { head, tensors, value };
}

/** An input of tests/golden/inputs, by its name `inputs/HASH`. */
export async function readInput(name: string): Promise<Tensor> {
  const rules = await textOf(new URL(`golden/${name}.rules`, ROOT));
  if (rules?.startsWith("photo ")) return photo(rules);
  if (rules !== undefined) return parseTensors(safetensors(rules)).get("value")!;
  const file = await Deno.readFile(new URL(`golden/${name}.safetensors`, ROOT));
  return parseTensors(file).get("value")!;
}

async function drawn(rules: URL): Promise<Map<string, Tensor>> {
  const text = await textOf(rules);
  return text === undefined ? new Map() : parseTensors(safetensors(text));
}

/** A file's text, none where there is no file. */
async function textOf(file: URL): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Reads a JSON file of tests/golden. */
export async function readJson<T>(path: string): Promise<T> {
  return JSON.parse(await Deno.readTextFile(new URL(`golden/${path}`, ROOT))) as T;
}

/** A safetensors file that the reference wrote, so it is taken as it is. */
export function parseTensors(file: Uint8Array): Map<string, Tensor> {
  const length = Number(new DataView(file.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length)));
  const tensors = new Map<string, Tensor>();
  const thinned = JSON.parse(header.__metadata__?.thinned ?? "{}") as Record<string, number[]>;
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const { dtype, shape, data_offsets: [start, end] } = entry as {
      dtype: string;
      shape: number[];
      data_offsets: [number, number];
    };
    const type = DTYPES[dtype];
    if (type === undefined) throw new TypeError(`Cannot read ${name}: ${dtype} is not expected`);
    const bytes = file.slice(8 + length + start, 8 + length + end).buffer;
    const Data = { float32: Float32Array, int64: BigInt64Array, uint8: Uint8Array }[type.dtype];
    const tensor = new Tensor(type.dtype, new Data(bytes), shape);
    const [every, greatest, ...whole] = thinned[name] ?? [];
    tensors.set(
      name,
      every === undefined ? tensor : new ThinnedTensor(tensor, every, greatest!, whole),
    );
  }
  return tensors;
}

/** Base64 of little-endian float32 numbers as a tensor. */
export function decodeFloats(text: string, dims: readonly number[]): Tensor {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Tensor("float32", new Float32Array(bytes.buffer), dims);
}

/** `guidance_scale` as `guidanceScale`. */
export function camelCase(name: string): string {
  return name.replace(/^_/, "").replace(
    /_([a-z0-9])/g,
    (_, letter: string) => letter.toUpperCase(),
  );
}

/** An object with its keys in camelCase. */
export function camelKeys(value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [camelCase(key), item]));
}

/**
 * The largest difference between two tensors, relative to the largest number of the second, or of
 * the whole that it is a part of.
 */
export function relativeDifference(actual: Tensor, expected: Tensor): number {
  const greatest = expected instanceof ThinnedTensor
    ? expected.greatest
    : expected.toFloat32Array().reduce((so, x) => Math.max(so, Math.abs(x)), 0);
  return largest(actual, expected) / Math.max(greatest, 1e-6);
}

/** The largest difference between two tensors; infinite where one of them is not a number. */
export function largest(actual: Tensor, expected: Tensor): number {
  const [dims, every] = expected instanceof ThinnedTensor
    ? [expected.whole, expected.every]
    : [expected.dims, 1];
  if (actual.dims.join() !== dims.join()) {
    throw new Error(`expected shape [${dims}], got [${actual.dims}]`);
  }
  const [a, b] = [actual.toFloat32Array(), expected.toFloat32Array()];
  let difference = 0;
  for (let i = 0; i < b.length; i++) {
    const now = Math.abs(a[i * every]! - b[i]!);
    if (!(now <= difference)) difference = Number.isNaN(now) ? Infinity : now;
  }
  return difference;
}

/** Fails, naming the difference, when it is above `limit`. */
export function assertWithin(difference: number, limit: number, what: string): void {
  if (difference <= limit) return;
  throw new Error(`${what} differs by ${difference.toExponential(2)}, above ${limit}`);
}

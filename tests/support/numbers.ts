/**
 * Numbers of the reference in JSON files: read, decoded, compared.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { TypedArray } from "@denoise/core";

/** Reads a JSON file that stands beside a test, `import.meta.resolve("./testdata/math.json")`. */
export function goldens<T>(address: string): T {
  return JSON.parse(Deno.readTextFileSync(new URL(address)));
}

/** The digest of little-endian elements that the files hold. */
export async function digest(data: TypedArray): Promise<string> {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return hash.toHex().slice(0, 32);
}

/** float32 or float64 numbers stored in base64. */
export function decode(base64: string, dtype: "float32" | "float64"): number[] {
  const { buffer } = Uint8Array.fromBase64(base64);
  return [...(dtype === "float32" ? new Float32Array(buffer) : new Float64Array(buffer))];
}

/** Asserts that each number is the wanted one up to a relative difference. */
export function assertClose(
  found: readonly number[],
  wanted: readonly number[],
  relative: number,
): void {
  assertEquals(found.length, wanted.length);
  found.forEach((value, i) => {
    const off = Math.abs(value - wanted[i]!);
    assert(off <= relative * Math.abs(wanted[i]!), `${i}: ${value} is not ${wanted[i]}`);
  });
}

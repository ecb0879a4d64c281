/**
 * The bytes of files at paths and at web addresses, read no further than a limit: what images and audio
 * clips are loaded by.
 *
 * @example
 * ```ts
 * import { readSource } from "@denoise/files";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await readSource("data:,abc", { check: () => {} }), Uint8Array.of(97, 98, 99));
 * ```
 *
 * @module
 */
export { readFileWithin } from "./read_file_within.ts";
export { readSource, type ReadSourceOptions } from "./read_source.ts";

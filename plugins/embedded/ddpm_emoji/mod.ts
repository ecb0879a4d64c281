/**
 * A tiny unconditional DDPM that draws emoji of 32x32, in this package, for the unconditional task
 * with no download from a model hub. README.md is its model card.
 *
 * @example
 * ```ts
 * import { source } from "@denoise/embedded-ddpm-emoji";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(source.accepts("denoise/ddpm-emoji"), true);
 * ```
 *
 * @module
 */
import type { Source } from "@denoise/core";
import { bundledSource } from "@denoise/bundled";
import { files } from "./files.ts";

/** The id that the model is loaded by. */
export const id = "denoise/ddpm-emoji";

/** The model as a source of repos: the one that lies in this package. */
export const source: Source = bundledSource({
  id,
  base: new URL("./", import.meta.url),
  files,
  version: "0.1.0",
});

/**
 * A small Stable Diffusion that draws emoji, in this package: text to images of 128x128 with no
 * download from a model hub. README.md is its model card.
 *
 * @example
 * ```ts
 * import { source } from "@denoise/embedded-emoji";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(source.accepts("denoise/emoji"), true);
 * ```
 *
 * @module
 */
import type { Source } from "@denoise/core";
import { bundledSource } from "@denoise/bundled";
import { files } from "./files.ts";

/** The id that the model is loaded by. */
export const id = "denoise/emoji";

/** The model as a source of repos: the one that lies in this package. */
export const source: Source = bundledSource({
  id,
  base: new URL("./", import.meta.url),
  files,
  version: "0.1.0",
});

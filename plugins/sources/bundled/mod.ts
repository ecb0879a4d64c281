/**
 * Repos that ship inside packages: a source that reads them in place, or downloads them once.
 *
 * @example
 * ```ts ignore
 * import { bundledSource } from "@denoise/bundled";
 *
 * export const source = bundledSource({
 *   id: "you/tiny",
 *   base: new URL("./repo/", import.meta.url),
 *   files: ["model_index.json", "unet/config.json"],
 *   version: "1.0.0",
 * });
 * ```
 *
 * @module
 */
export * from "./bundled_source.ts";

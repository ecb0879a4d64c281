/**
 * Captions as they were cleaned for the training of DeepFloyd IF, PixArt, Sana and others: in lower case, without addresses,
 * markup, file names and numbers of articles (`_clean_caption` of diffusers, where bs4 and ftfy are installed).
 *
 * @example
 * ```ts
 * import { cleanCaption } from "@denoise/captions";
 * import { assertEquals } from "@std/assert";
 *
 * const text = cleanCaption("A <b>Red</b> APPLE!! https://shop.com/apple_01.jpg #12345", () => {});
 * assertEquals(text, "a red apple!! .");
 * ```
 *
 * @module
 */
export { cleanCaption } from "./clean_caption.ts";

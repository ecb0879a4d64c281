/**
 * What processors have in common: their class (`defineProcessor`), the scaling of pixels, and images in
 * patches.
 *
 * @module
 */
export * from "./define_processor.ts";
export * from "./patches.ts";
export * from "./pixels.ts";

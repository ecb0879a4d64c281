/**
 * What processors have in common: their class (`defineProcessor`), and the scaling of pixels.
 *
 * @module
 */
export * from "./define_processor.ts";
export * from "./pixels.ts";

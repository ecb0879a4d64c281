/**
 * What adapters of UNets share: scales for their blocks and attentions.
 *
 * @module
 */
export * from "./block_scales.ts";

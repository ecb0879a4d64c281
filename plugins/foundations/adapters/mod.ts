/**
 * What adapters and the models that they change agree upon: changes of layers, and scales for the
 * blocks and attentions of UNets.
 *
 * @module
 */
export * from "./adapter.ts";
export * from "./block_scales.ts";

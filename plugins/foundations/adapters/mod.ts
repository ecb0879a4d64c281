/**
 * What adapters and the models that they change agree upon: changes of layers, scales for the
 * blocks and attentions of UNets, and names of layers in the files of a model's authors.
 *
 * @module
 */
export * from "./adapter.ts";
export * from "./block_scales.ts";
export * from "./original_layers.ts";

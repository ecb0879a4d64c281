/**
 * What adapters and the models that they change agree upon: changes of layers, scales for the
 * blocks and attentions of UNets, names of layers in the files of a model's authors; and how an
 * adapter gives its functions to pipelines as methods.
 *
 * @module
 */
export * from "./adapter.ts";
export * from "./adapter_files.ts";
export * from "./attention_arguments.ts";
export * from "./block_scales.ts";
export * from "./define_adapter.ts";
export * from "./original_layers.ts";

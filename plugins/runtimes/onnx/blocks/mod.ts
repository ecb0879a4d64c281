/**
 * Blocks that several models of diffusers are made of, from layers of `@denoise/onnx/nn`: residual
 * blocks, attention on images, transformers, and the levels of a UNet. Each takes the scope of its
 * module first; the names inside are the checkpoint's.
 *
 * @module
 */
export * from "./attention_block.ts";
export * from "./clip_encoder.ts";
export * from "./clip_vision.ts";
export * from "./conditioned_unet.ts";
export * from "./conditioning.ts";
export * from "./control_embedding.ts";
export * from "./control_net.ts";
export * from "./decoder.ts";
export * from "./decoder_graph.ts";
export * from "./down_block.ts";
export * from "./feed_forward.ts";
export * from "./flux_blocks.ts";
export * from "./flux_graph.ts";
export * from "./frame_coder.ts";
export * from "./gated_self_attention.ts";
export * from "./glumb_conv.ts";
export * from "./image_projection.ts";
export * from "./joined_attention.ts";
export * from "./joint_attention.ts";
export * from "./k_blocks.ts";
export * from "./levels.ts";
export * from "./linear_attention.ts";
export * from "./mid_block.ts";
export * from "./modulation.ts";
export * from "./norm.ts";
export * from "./image_coder.ts";
export * from "./patches.ts";
export * from "./qwen_image_blocks.ts";
export * from "./resample.ts";
export * from "./resnet_block.ts";
export * from "./roberta.ts";
export * from "./sandwich_block.ts";
export * from "./sd3_blocks.ts";
export * from "./skip_blocks.ts";
export * from "./timestep_embedding.ts";
export * from "./transformer.ts";
export * from "./unet_2d.ts";
export * from "./up_block.ts";
export * from "./z_image_block.ts";

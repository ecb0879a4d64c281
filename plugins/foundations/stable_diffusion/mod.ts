/**
 * What the Stable Diffusion pipelines share: the families 1.x / 2.x and XL, how they turn prompts into
 * conditioning, ControlNets, image prompts and depth.
 *
 * @module
 */
export * from "./control.ts";
export * from "./control_xs.ts";
export * from "./depth.ts";
export * from "./diffedit.ts";
export { encodeText } from "./encode_text.ts";
export * from "./control_nets.ts";
export * from "./control_union.ts";
export * from "./image_prompt.ts";
export * from "./image_variation.ts";
export * from "./latent_consistency.ts";
export * from "./ldm3d.ts";
export * from "./legacy.ts";
export * from "./pag.ts";
export * from "./paint_by_example.ts";
export * from "./panorama.ts";
export * from "./pix2pix.ts";
export * from "./sag.ts";
export * from "./sd.ts";
export * from "./sdxl.ts";
export * from "./semantic.ts";
export * from "./stable_diffusion.ts";
export * from "./t2i_adapter.ts";
export * from "./text_conditioning.ts";
export * from "./unclip.ts";
export * from "./unclip_text.ts";
export * from "./unet.ts";
export * from "./xl_components.ts";
export * from "./xl_conditioning.ts";
export * from "./xl_prompt.ts";
export * from "./xl_time_ids.ts";

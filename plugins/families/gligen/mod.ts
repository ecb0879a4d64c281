/**
 * GLIGEN: Stable Diffusion whose objects stand at places that a call names, said by phrases or shown by images; also
 * into an image. Li et al., "GLIGEN: Open-Set Grounded Text-to-Image Generation" (arXiv:2301.07093).
 *
 * @module
 */
export * from "./boxes.ts";
export * from "./components.ts";
export * from "./objects.ts";
export * from "./start.ts";
export * from "./text.ts";
export * from "./text_image.ts";

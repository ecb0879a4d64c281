import { configValue } from "@denoise/core";
import {
  fromMaskWith,
  latentSpace,
  type MaskStartCall,
  type Start,
  takesMask,
} from "@denoise/diffusion";
import type { Sd3Components } from "./components.ts";
import { sd3, type Sd3Family } from "./family.ts";

const start = fromMaskWith<Sd3Components>({
  seesMask: ({ transformer, vae }) =>
    takesMask(transformer.config.in_channels, latentSpace(vae).channels, "transformer"),
});

/** From an image and a mask, for Stable Diffusion 3; scales latents of the masked image as diffusers does. */
export const fromSd3Mask: Start<Sd3Components, MaskStartCall> = {
  ...start,
  begin(run, options, facts) {
    const { maskedImageLatents: given } = options;
    const maskedImageLatents = given && latentSpace(run.components.vae).normalize(given);
    return start.begin(run, { ...options, maskedImageLatents }, facts);
  },
};

/** {@linkcode sd3} as diffusers inpaints with it: latents are decoded without `shift_factor`. */
export const sd3Inpainting: Sd3Family = {
  ...sd3,
  async decode(vae, latents) {
    const factor = Number(configValue(vae.config, "scaling_factor"));
    return (await vae.decode(latents.div(factor))).sample;
  },
};

import { type CallOptions, randnTensor, Tensor } from "@denoise/core";
import {
  fromMaskWith,
  type LatentOptions,
  latentSpace,
  type MaskStartCall,
  type MaskStartOptions,
  maskStartOptions,
  type Start,
  vaeScaleFactor,
} from "@denoise/diffusion";
import type { FluxComponents } from "./components.ts";
import { type FluxControlImageOptions, withControlImage } from "./control_image.ts";

/** Options of a call that inpaints with FLUX.1 and a control image. */
export type FluxControlInpaintStartOptions =
  & Omit<MaskStartOptions, "paddingMaskCrop" | "maskedImageLatents">
  & FluxControlImageOptions;

const { paddingMaskCrop: _crop, maskedImageLatents: _masked, ...maskedOptions } = maskStartOptions;

/** The declarations of an image, a mask and where latents come from. */
export const fluxMaskedOptions: CallOptions<
  Omit<MaskStartOptions, "paddingMaskCrop" | "maskedImageLatents">
> = maskedOptions;

/** From an image, noised as far as the strength says, of which a mask lets a part change. */
export const fromFluxMask: Start<FluxComponents, MaskStartCall> = fromMaskWith({
  seesMask: () => false,
  beginsWithImage: true,
});

/** The same for ControlNets, whose class gives what is inpainted around the mask alone, as diffusers does. */
export const fromFluxMaskAlone: Start<FluxComponents, MaskStartCall> = fromMaskWith({
  seesMask: () => false,
  beginsWithImage: true,
  givesPart: true,
});

/** The same with a control image beside the latents, drawing in the order of diffusers. */
export const fromControlledFluxMask: Start<
  FluxComponents,
  LatentOptions & FluxControlInpaintStartOptions
> = afterMaskedImage(withControlImage(fromFluxMask));

/**
 * A start after the draws that diffusers spends on encoding the masked image, which it does not use: a row
 * for each image or mask, whichever are more.
 */
function afterMaskedImage<O extends LatentOptions & FluxControlInpaintStartOptions>(
  start: Start<FluxComponents, O>,
): Start<FluxComponents, O> {
  return {
    ...start,
    async begin(run, options, facts) {
      const { vae } = run.components;
      const { height, width } = facts.size();
      const factor = vaeScaleFactor(vae);
      const dims = [latentSpace(vae).channels, height / factor, width / factor];
      const rows = Math.max(countOf(options.image), countOf(options.maskImage));
      const { generator } = facts.noise;
      if (Array.isArray(generator)) {
        for (const one of generator.slice(0, rows)) randnTensor([1, ...dims], one);
      } else randnTensor([rows, ...dims], generator);
      return await start.begin(run, options, facts);
    },
  };
}

/** How many images there are in a list, or in a tensor of four axes. */
function countOf(images: FluxControlInpaintStartOptions["image"]): number {
  const list = Array.isArray(images) ? images : [images];
  return list.reduce(
    (sum, image) => sum + (image instanceof Tensor && image.dims.length === 4 ? image.dims[0]! : 1),
    0,
  );
}

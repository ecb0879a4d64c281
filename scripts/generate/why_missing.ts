/**
 * Why classes of diffusers are not there yet, for docs/coverage.md: those of the UNet era, by what they want.
 *
 * @module
 */
export const whyMissing: readonly (readonly [classes: RegExp, why: string])[] = [
  [/PAG(Img2Img|Inpaint)?Pipeline$/, "attention is perturbed in UNet2DConditionModel alone"],
  [
    /^UniDiffuserPipeline$/,
    "diffusers has put it away as deprecated, and it needs two models that nothing else does: a transformer of images and " +
    "texts at once, and GPT-2 that writes captions with a search over beams",
  ],
  [
    /^(StableDiffusion(AttendAndExcite|ModelEditing|Paradigms|Pix2PixZero)|CycleDiffusion|VersatileDiffusion.*|VQDiffusion|AltDiffusion(Img2Img)?)Pipeline$/,
    "diffusers has put them away as deprecated; those in use come first",
  ],
];

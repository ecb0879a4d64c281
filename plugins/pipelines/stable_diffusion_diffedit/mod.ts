/**
 * StableDiffusionDiffEditPipeline: images edited where two prompts differ. `generateMask` finds the place, `invert` latents
 * that lead to the image, and the call edits them there. Couairon et al., "DiffEdit: Diffusion-based semantic image editing
 * with mask guidance" (arXiv:2210.11427).
 *
 * A call that is given `image` and `sourcePrompt` in their place makes mask and latents itself; so the command line and the
 * HTTP function edit images. A repo without an inverse scheduler has DDIMInverseScheduler with the config of its scheduler.
 *
 * Not covered: the regularization of `invert` (`num_reg_steps`), which follows gradients and is off by default, and masks as images
 * (`output_type="pil"`).
 *
 * @example
 * ```ts ignore
 * import { DDIMScheduler, StableDiffusionDiffEditPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionDiffEditPipeline.fromPretrained("stabilityai/stable-diffusion-2-1");
 * pipe.scheduler = DDIMScheduler.fromConfig(pipe.scheduler.config);
 *
 * const [image, source, target] = ["fruits.png", "a bowl of fruits", "a basket of pears"];
 * const maskImage = await pipe.generateMask({ image, sourcePrompt: source, targetPrompt: target, seed: 0 });
 * const { latents: imageLatents } = await pipe.invert(source, { image, seed: 0 });
 * const { images } = await pipe(target, { maskImage, imageLatents, negativePrompt: source });
 * await images[0].save("pears.png");
 *
 * const all = { image, sourcePrompt: source, negativePrompt: source, seed: 0 }; // the same in one call
 * console.log((await pipe(target, all)).images.length);
 * ```
 *
 * @module
 */
import {
  type CallOptions,
  type ComponentSpec,
  type ImageOutput,
  type Pipeline,
  type PipelineClass,
  type RunOptions,
  runOptions,
} from "@denoise/core";
import { latentPipelineWith, type Prompt, timestepOptions } from "@denoise/diffusion";
import {
  diffEdit,
  type DiffEditComponents,
  type DiffEditMethods,
  diffEditMethods,
  type DiffEditOptions,
  diffEditOptions,
  findMaskAndLatents,
  fromInverted,
  type GenerateMaskOptions,
  type GuidanceOptions,
  guidanceOptions,
  type InvertedLatents,
  type InvertOptions,
  prepareStableDiffusion,
  stableDiffusion,
} from "@denoise/stable-diffusion";

export type { DiffEditComponents, GenerateMaskOptions, InvertedLatents, InvertOptions };

/** Options of a call. */
export interface StableDiffusionDiffEditOptions
  extends RunOptions, GuidanceOptions, DiffEditOptions {
  /** Number of denoising steps of which the strength says a part. Defaults to 50. */
  readonly numInferenceSteps?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. Defaults to 0. */
  readonly eta?: number | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type StableDiffusionDiffEditArguments = [
  prompt: Prompt | undefined,
  options: StableDiffusionDiffEditOptions,
];

/** A loaded StableDiffusionDiffEditPipeline. */
export type StableDiffusionDiffEditPipeline = Pipeline<
  DiffEditComponents,
  StableDiffusionDiffEditArguments,
  ImageOutput,
  DiffEditMethods
>;

const options: CallOptions<StableDiffusionDiffEditOptions> = {
  ...runOptions,
  ...guidanceOptions,
  ...diffEditOptions,
  numInferenceSteps: timestepOptions.numInferenceSteps,
  eta: { type: "number" },
};

const { imageEncoder: _, ...roles } = stableDiffusion.components;
const components: { readonly [K in keyof DiffEditComponents]: ComponentSpec } = {
  ...roles,
  inverseScheduler: {
    kind: "scheduler",
    optional: true,
    usual: { className: "DDIMInverseScheduler", within: "scheduler" },
  },
};

/** Images to images that differ where prompts do; `StableDiffusionDiffEditPipeline` of diffusers. */
export const StableDiffusionDiffEditPipeline: PipelineClass<
  DiffEditComponents,
  StableDiffusionDiffEditArguments,
  ImageOutput,
  DiffEditMethods
> = latentPipelineWith({
  className: "StableDiffusionDiffEditPipeline",
  task: "image-editing",
  family: diffEdit,
  start: fromInverted,
  components,
  settings: stableDiffusion.settings,
  prepare: (parts, warn, facts) => prepareStableDiffusion(parts, warn, facts),
  options,
  defaults: { numInferenceSteps: 50, guidanceScale: 7.5, inpaintStrength: 0.8 },
  complete: findMaskAndLatents,
}, diffEditMethods);

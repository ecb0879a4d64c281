import { type CallOptions, type RunOptions, runOptions } from "@denoise/core";
import {
  type Family,
  type LatentComponents,
  type LatentOptions,
  planInpainting,
  planRun,
  type TimestepOptions,
  timestepOptions,
} from "@denoise/diffusion";
import type { UNetControl } from "./control_nets.ts";
import {
  conditionOnImages,
  type ImagePromptComponents,
  type ImagePromptOptions,
  imagePromptOptions,
} from "./image_prompt.ts";
import { pagFacts, type PagOptions, perturbedGuidance } from "./pag.ts";
import { sdSize, type StableDiffusionComponents } from "./stable_diffusion.ts";
import { conditionOnText, type GuidanceOptions, guidanceOptions } from "./text_conditioning.ts";
import { predictByUNet, type TextUNet } from "./unet.ts";

/** Options that all calls of Stable Diffusion 1.x and 2.x take. */
export interface SdOptions
  extends RunOptions, GuidanceOptions, TimestepOptions, ImagePromptOptions {
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. Defaults to 0. */
  readonly eta?: number | undefined;
}

/** The declarations of {@linkcode SdOptions}. */
export const sdOptions: CallOptions<SdOptions> = {
  ...runOptions,
  ...guidanceOptions,
  ...timestepOptions,
  ...imagePromptOptions,
  eta: { type: "number" },
};

/** The components that the family reads. */
export type SdModels =
  & LatentComponents
  & { readonly unet: TextUNet }
  & Pick<StableDiffusionComponents, "vae" | "textEncoder" | "tokenizer">
  & Omit<ImagePromptComponents, "unet">;

/**
 * Stable Diffusion 1.x and 2.x: one text encoder, and a UNet conditioned on its states. Rombach et al.,
 * "High-Resolution Image Synthesis with Latent Diffusion Models" (arXiv:2112.10752).
 */
export const sd: Family<
  SdModels,
  LatentOptions & GuidanceOptions & ImagePromptOptions & PagOptions & {
    readonly guidanceRescale?: number | undefined;
  },
  UNetControl
> = {
  name: "stable-diffusion",
  size: sdSize,
  // of diffusers' classes that inpaint, the one with ControlNets does not ask for a whole step
  plan: ({ scheduler }, options, _size, { from, controlled }) =>
    from === "mask" && !controlled
      ? planInpainting(scheduler, options)
      : planRun(scheduler, options),
  async encode(run, prompt, options) {
    const { guidanceRescale, signal } = options;
    const text = await conditionOnText(run, prompt, options);
    const images = await conditionOnImages(run.components, options, text);
    const { count, guidance, guidanceScale, encoderHiddenStates, timestepCond } = text;
    const conditioning = { encoderHiddenStates, timestepCond, ...images, signal };
    return {
      count,
      facts: {
        guidanceScale,
        guidanceRescale,
        promptSyntax: options.promptSyntax,
        ...pagFacts(options),
      },
      denoiser: () =>
        predictByUNet(run.components.unet, conditioning, {
          guidance,
          guidanceScale,
          guidanceRescale,
          pag: perturbedGuidance(options),
        }),
    };
  },
};

import type { CallOptions } from "@denoise/core";
import { checkSafety } from "@denoise/diffusion";
import {
  stableDiffusion,
  type StableDiffusionComponents,
  type StableDiffusionDefinition,
} from "./stable_diffusion.ts";
import { type GuidanceOptions, guidanceOptions } from "./text_conditioning.ts";

/** Options of a call of a latent consistency model that follows a text; none is negative. */
export interface ConsistencyGuidanceOptions
  extends Omit<GuidanceOptions, "negativePrompt" | "negativePromptEmbeds"> {
  /** Timesteps that the model was distilled on. Defaults to what its scheduler says. */
  readonly originalInferenceSteps?: number | undefined;
}

/** The declarations of {@linkcode ConsistencyGuidanceOptions}. */
export const consistencyGuidanceOptions: CallOptions<ConsistencyGuidanceOptions> = {
  numImagesPerPrompt: guidanceOptions.numImagesPerPrompt,
  promptEmbeds: guidanceOptions.promptEmbeds,
  clipSkip: guidanceOptions.clipSkip,
  guidanceScale: guidanceOptions.guidanceScale,
  originalInferenceSteps: { type: "integer", minimum: 1 },
};

/** The components and settings that the definitions of these pipelines share. */
export const latentConsistency:
  & Pick<typeof stableDiffusion, "components" | "settings">
  & { readonly prepare: NonNullable<StableDiffusionDefinition["prepare"]> } = {
    components: stableDiffusion.components,
    settings: stableDiffusion.settings,
    prepare(components, warn, { className, settings }) {
      checkSafety(components, className, settings.requires_safety_checker === true, warn);
      return {};
    },
  };

/**
 * Checks that a UNet was distilled with the guidance scale as an input.
 *
 * @throws {RangeError} for a UNet that cannot be told the guidance scale.
 */
export function checkConsistencyModel({ unet }: Pick<StableDiffusionComponents, "unet">): void {
  if (unet.config.time_cond_proj_dim !== null) return;
  throw new RangeError(
    "Cannot run a latent consistency model: the UNet's time_cond_proj_dim is null, so it cannot be " +
      "told the guidance scale; use StableDiffusionPipeline with an LCMScheduler",
  );
}

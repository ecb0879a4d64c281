import { type CallOptions, type RunOptions, runOptions } from "@denoise/core";
import {
  checkSafety,
  type Family,
  type LatentOptions,
  planRun,
  type TimestepOptions,
  timestepOptions,
} from "@denoise/diffusion";
import type { UNetControl } from "./control_nets.ts";
import { type ImagePromptOptions, imagePromptOptions } from "./image_prompt.ts";
import { sd, type SdModels } from "./sd.ts";
import { stableDiffusion, type StableDiffusionDefinition } from "./stable_diffusion.ts";
import { type GuidanceOptions, guidanceOptions } from "./text_conditioning.ts";

/** Options that all calls of latent consistency models take; none is negative. */
export interface ConsistencyOptions
  extends
    RunOptions,
    Omit<GuidanceOptions, "negativePrompt" | "negativePromptEmbeds">,
    Omit<TimestepOptions, "sigmas">,
    ImagePromptOptions {
  /** Timesteps that the model was distilled on. Defaults to what its scheduler says. */
  readonly originalInferenceSteps?: number | undefined;
}

const { negativePrompt: _, negativePromptEmbeds: __, ...positive } = guidanceOptions;
const { sigmas: ___, ...timesteps } = timestepOptions;

/** The declarations of {@linkcode ConsistencyOptions}. */
export const consistencyOptions: CallOptions<ConsistencyOptions> = {
  ...runOptions,
  ...positive,
  ...timesteps,
  ...imagePromptOptions,
  originalInferenceSteps: { type: "integer", minimum: 1, cost: "none" },
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
 * Latent consistency models: Stable Diffusion whose UNet is conditioned on the guidance scale, and says the clean
 * image at once. Luo et al. (arXiv:2310.04378).
 */
export const lcm: Family<
  SdModels,
  LatentOptions & ConsistencyOptions & { readonly strength?: number | undefined },
  UNetControl
> = {
  ...sd,
  name: "latent-consistency-model",
  async encode(run, prompt, options, facts) {
    checkConsistencyModel(run.components);
    return await sd.encode(run, prompt, options, facts);
  },
  plan: ({ scheduler }, { strength, originalInferenceSteps, ...options }) =>
    planRun(scheduler, options, {
      ...(strength === undefined ? {} : { strength }),
      ...(originalInferenceSteps === undefined ? {} : { originalInferenceSteps }),
    }),
  result: ({ latents, last }) => last?.predOriginalSample ?? latents,
};

/**
 * Checks that a UNet was distilled with the guidance scale as an input.
 *
 * @throws {RangeError} for a UNet that is not conditioned on the guidance scale.
 */
function checkConsistencyModel({ unet }: Pick<SdModels, "unet">): void {
  if (unet.config.time_cond_proj_dim !== null) return;
  throw new RangeError(
    "Cannot run a latent consistency model: the UNet's time_cond_proj_dim is null, so it is not " +
      "conditioned on the guidance scale; use StableDiffusionPipeline with an LCMScheduler",
  );
}

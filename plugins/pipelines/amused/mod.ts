/**
 * AmusedPipeline: images from text by guessing masked tokens in a few steps. Patil et al., "aMUSEd: An Open MUSE
 * Reproduction" (arXiv:2401.01808).
 *
 * Several images of each prompt come in rounds, as in the reference: one of each prompt, then another of each.
 * Not covered: `cross_attention_kwargs`.
 *
 * @example
 * ```ts ignore
 * import { AmusedPipeline } from "@denoise/denoise";
 *
 * const pipe = await AmusedPipeline.fromPretrained("amused/amused-256", { variant: "fp16" });
 * const { images } = await pipe("a photo of an astronaut riding a horse on mars", { seed: 0 });
 * await images[0].save("astronaut.png");
 * ```
 *
 * @module
 */
import {
  definePipeline,
  type ImageOutput,
  type ImageSize,
  type Pipeline,
  type PipelineClass,
  Tensor,
} from "@denoise/core";
import {
  type AmusedComponents,
  amusedComponents,
  amusedDefaults,
  type AmusedOptions,
  amusedOptions,
  type BeginWithTokens,
  guessTokens,
  sideMultiple,
  tokenDims,
  tokenFactor,
} from "@denoise/amused";
import { checkLatents, checkSize, type Prompt } from "@denoise/diffusion";

/** Options of a call. */
export interface AmusedCallOptions extends AmusedOptions {
  /** Height in pixels, a multiple of 16, or of 32 where the model halves the sides. Defaults to what it was trained for. */
  readonly height?: number | undefined;
  /** Width in pixels, as the height. Defaults to what the model was trained for. */
  readonly width?: number | undefined;
  /**
   * Own tokens to begin with, int64 [N, height / 16, width / 16], those that are masked among them. Defaults to
   * masked ones.
   */
  readonly latents?: Tensor | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type AmusedArguments = [prompt?: Prompt, options?: AmusedCallOptions];

/** A loaded AmusedPipeline. */
export type AmusedPipeline = Pipeline<AmusedComponents, AmusedArguments, ImageOutput>;

/** Text to images; `AmusedPipeline` of diffusers. */
export const AmusedPipeline: PipelineClass<AmusedComponents, AmusedArguments, ImageOutput> =
  definePipeline<AmusedComponents, AmusedArguments, ImageOutput>({
    className: "AmusedPipeline",
    task: "text-to-image",
    family: "amused",
    takesPrompt: true,
    components: amusedComponents,
    options: {
      ...amusedOptions,
      height: { type: "integer" },
      width: { type: "integer" },
      latents: { type: "tensor" },
    },
    defaults: amusedDefaults,
    defaultSize: trainedSize,
    generate: (run, prompt, options = {}) => guessTokens(run, prompt, options, beginMasked),
  });

function trainedSize(components: AmusedComponents): ImageSize {
  const side = components.transformer.config.sample_size * tokenFactor(components);
  return { height: side, width: side };
}

/** All tokens are masked, where the call gives none. */
const beginMasked: BeginWithTokens<AmusedCallOptions> = (
  { components },
  { numInferenceSteps = 12, temperature, latents, ...given },
  { count },
) => {
  const { scheduler } = components;
  const trained = trainedSize(components);
  const size = { height: given.height ?? trained.height, width: given.width ?? trained.width };
  checkSize(size.height, size.width, sideMultiple(components));
  const dims = tokenDims(components, count, size);
  checkLatents(latents, dims);
  if (latents !== undefined && latents.dtype !== "int64") {
    throw new TypeError(`Cannot begin with latents of ${latents.dtype}: they are tokens, int64`);
  }
  scheduler.setTimesteps(numInferenceSteps, { temperature });
  const { mask_token_id: mask } = scheduler.config as { readonly mask_token_id: number };
  return Promise.resolve({
    size,
    tokens: latents ?? Tensor.full(dims, mask, "int64"),
    scheduler,
    timesteps: scheduler.timesteps,
  });
};

/**
 * AmusedImg2ImgPipeline: an image changed towards a text: as many of its tokens are masked by chance as `strength`
 * says, and guessed anew. Patil et al., "aMUSEd: An Open MUSE Reproduction" (arXiv:2401.01808).
 *
 * With a strength of 1, as in the reference, no token is masked, so that the image stays nearly as it is. Several
 * images of each prompt come in rounds: one of each prompt, then another of each. Not covered:
 * `cross_attention_kwargs`.
 *
 * @example
 * ```ts ignore
 * import { AmusedImg2ImgPipeline } from "@denoise/denoise";
 *
 * const pipe = await AmusedImg2ImgPipeline.fromPretrained("amused/amused-512", { variant: "fp16" });
 * const { images } = await pipe("winter mountains", { image: "mountains.png", seed: 0 });
 * await images[0].save("winter.png");
 * ```
 *
 * @module
 */
import {
  definePipeline,
  type ImageOutput,
  type Pipeline,
  type PipelineClass,
  type PipelineRun,
} from "@denoise/core";
import {
  type AmusedComponents,
  amusedComponents,
  amusedDefaults,
  type AmusedOptions,
  amusedOptions,
  type BeginWithTokens,
  guessTokens,
  maskedByChance,
  tokensOfImages,
} from "@denoise/amused";
import { type ImagesInput, type Prompt, timestepsLeft } from "@denoise/diffusion";

/** Options of a call. */
export interface AmusedImg2ImgOptions extends AmusedOptions {
  /**
   * The image to change, or one for each prompt; or a tensor, float32 [N, 3, height, width] in 0..1. Sides are cut
   * down to multiples of 16, or of 32 where the model halves them.
   */
  readonly image: ImagesInput;
  /** The part of the steps that is made, 0..1. Defaults to 0.5. */
  readonly strength?: number | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type AmusedImg2ImgArguments = [prompt: Prompt | undefined, options: AmusedImg2ImgOptions];

/** A loaded AmusedImg2ImgPipeline. */
export type AmusedImg2ImgPipeline = Pipeline<AmusedComponents, AmusedImg2ImgArguments, ImageOutput>;

/** Image and text to images; `AmusedImg2ImgPipeline` of diffusers. */
export const AmusedImg2ImgPipeline: PipelineClass<
  AmusedComponents,
  AmusedImg2ImgArguments,
  ImageOutput
> = definePipeline({
  className: "AmusedImg2ImgPipeline",
  task: "image-to-image",
  family: "amused",
  takesPrompt: true,
  components: amusedComponents,
  options: {
    ...amusedOptions,
    image: { type: "image", list: "allowed", required: true },
    strength: { type: "number", minimum: 0, maximum: 1 },
  },
  defaults: { ...amusedDefaults, strength: 0.5 },
  generate: (run: PipelineRun<AmusedComponents>, prompt, options) =>
    guessTokens(run, prompt, options, beginWithImage),
});

const beginWithImage: BeginWithTokens<AmusedImg2ImgOptions> = async (run, options, facts) => {
  const { scheduler } = run.components;
  const { numInferenceSteps = 12, temperature, strength = 0.5 } = options;
  scheduler.setTimesteps(numInferenceSteps, { temperature });
  const timesteps = timestepsLeft(scheduler.timesteps, strength, numInferenceSteps);
  const { tokens, ...size } = await tokensOfImages(run, options.image);
  // with all steps left it is the last timestep, at which none is masked
  const before = scheduler.timesteps.at(-timesteps.length - 1) ?? scheduler.timesteps.at(-1)!;
  return {
    size,
    tokens: maskedByChance(scheduler, tokens, before, facts),
    scheduler,
    timesteps,
    facts: { strength },
  };
};

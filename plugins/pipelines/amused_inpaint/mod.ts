/**
 * AmusedInpaintPipeline: the tokens of an image that a mask covers are guessed from a text and from the others.
 * Patil et al., "aMUSEd: An Open MUSE Reproduction" (arXiv:2401.01808).
 *
 * Whatever the scheduler's config says, the share of masked tokens falls evenly, as in the reference. Several images
 * of each prompt come in rounds: one of each prompt, then another of each. Not covered: `cross_attention_kwargs`.
 *
 * @example
 * ```ts ignore
 * import { AmusedInpaintPipeline } from "@denoise/denoise";
 *
 * const pipe = await AmusedInpaintPipeline.fromPretrained("amused/amused-512", { variant: "fp16" });
 * const { images } = await pipe("fall mountains", { image: "a.png", maskImage: "mask.png", seed: 0 });
 * await images[0].save("inpainted.png");
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
  type Scheduler,
  type SchedulerClass,
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
  tokensOfImages,
} from "@denoise/amused";
import {
  type ImagesInput,
  prepareMasks,
  type Prompt,
  repeatRows,
  timestepsLeft,
} from "@denoise/diffusion";

/** Options of a call. */
export interface AmusedInpaintOptions extends AmusedOptions {
  /**
   * The image to inpaint, or one for each prompt; or a tensor, float32 [N, 3, height, width] in 0..1. Sides are cut
   * down to multiples of 16, or of 32 where the model halves them.
   */
  readonly image: ImagesInput;
  /** Where to inpaint: white; one mask, or one for each image. */
  readonly maskImage: ImagesInput;
  /** The part of the steps that is made, 0..1. Defaults to 1. */
  readonly strength?: number | undefined;
}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type AmusedInpaintArguments = [prompt: Prompt | undefined, options: AmusedInpaintOptions];

/** A loaded AmusedInpaintPipeline. */
export type AmusedInpaintPipeline = Pipeline<AmusedComponents, AmusedInpaintArguments, ImageOutput>;

/** Image, mask and text to images; `AmusedInpaintPipeline` of diffusers. */
export const AmusedInpaintPipeline: PipelineClass<
  AmusedComponents,
  AmusedInpaintArguments,
  ImageOutput
> = definePipeline({
  className: "AmusedInpaintPipeline",
  task: "inpainting",
  family: "amused",
  takesPrompt: true,
  components: amusedComponents,
  options: {
    ...amusedOptions,
    image: { type: "image", list: "allowed", required: true },
    maskImage: { type: "image", list: "allowed", required: true },
    strength: { type: "number", minimum: 0, maximum: 1 },
  },
  defaults: { ...amusedDefaults, strength: 1 },
  generate: (run: PipelineRun<AmusedComponents>, prompt, options) =>
    guessTokens(run, prompt, options, beginWithMask),
});

const beginWithMask: BeginWithTokens<AmusedInpaintOptions> = async (run, options, { count }) => {
  const { numInferenceSteps = 12, temperature, strength = 1 } = options;
  const scheduler = await evenly(run);
  scheduler.setTimesteps(numInferenceSteps, { temperature });
  const timesteps = timestepsLeft(scheduler.timesteps, strength, numInferenceSteps);
  const { tokens, ...size } = await tokensOfImages(run, options.image);
  const [, height, width] = tokens.dims as [number, number, number];
  const masks = await prepareMasks(await run.images(), options.maskImage, { height, width });
  const covered = repeatRows(masks.squeeze(1), tokens.dims[0]!, "masks"); // [images, h, w]
  const { mask_token_id: mask } = scheduler.config as { readonly mask_token_id: number };
  return {
    size,
    tokens: repeatRows(replaced(tokens, covered, mask), count, "images"),
    scheduler,
    timesteps,
    startingMaskRatio: Math.fround(covered.sum().item() / covered.size),
    facts: { strength },
  };
};

/** The scheduler with a share of masked tokens that falls evenly. */
async function evenly({ registry, components }: PipelineRun<AmusedComponents>): Promise<Scheduler> {
  const { className, config } = components.scheduler;
  const Class = await registry.get(className, "scheduler", "AmusedInpaintPipeline");
  return (Class as SchedulerClass).fromConfig(config, { masking_schedule: "linear" } as object);
}

/** Tokens, and `token` where the mask is 1. */
function replaced(tokens: Tensor, mask: Tensor, token: number): Tensor {
  const covers = mask.toFloat32Array();
  const ids = tokens.toFloat32Array().map((id, i) => covers[i] === 1 ? token : id);
  return new Tensor("float32", ids, tokens.dims).astype("int64");
}

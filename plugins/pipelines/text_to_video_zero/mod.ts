/**
 * TextToVideoZeroPipeline: a series of images from text that hang together, by a model that was trained on single
 * images. Khachatryan et al., "Text2Video-Zero: Text-to-Image Diffusion Models are Zero-Shot Video Generators"
 * (arXiv:2303.13439).
 *
 * The result is the images one after the other, for a program that makes a video of them. One generator, or one
 * seed, makes the whole series.
 *
 * @example
 * ```ts ignore
 * import { DDIMScheduler, TextToVideoZeroPipeline } from "@denoise/denoise";
 *
 * const pipe = await TextToVideoZeroPipeline.fromPretrained(
 *   "stable-diffusion-v1-5/stable-diffusion-v1-5",
 * );
 * pipe.scheduler = DDIMScheduler.fromConfig(pipe.scheduler.config);
 * const { images } = await pipe("A panda is playing guitar on times square", { seed: 0 });
 * for (const [i, image] of images.entries()) await image.save(`panda-${i}.png`);
 * ```
 *
 * @module
 */
import {
  type CallOptions,
  type ComponentSpec,
  definePipeline,
  type ImageOutput,
  type Pipeline,
  type PipelineClass,
} from "@denoise/core";
import type { Prompt } from "@denoise/diffusion";
import {
  conditionOnText,
  type GuidanceOptions,
  guidanceOptions,
  prepareStableDiffusion,
  sdSize,
  stableDiffusion,
  type StableDiffusionComponents,
} from "@denoise/stable-diffusion";
import {
  checkOnePrompt,
  denoiseFrames,
  videoZeroDefaults,
  type VideoZeroOptions,
  videoZeroOptions,
} from "@denoise/text-to-video-zero";

/** What the pipeline consists of. */
export type TextToVideoZeroComponents = Omit<StableDiffusionComponents, "imageEncoder">;

/** Options of a call. */
export interface TextToVideoZeroOptions
  extends VideoZeroOptions, Pick<GuidanceOptions, "negativePrompt" | "promptSyntax"> {}

/** What a call is given: a prompt, then options. */
export type TextToVideoZeroArguments = [prompt: Prompt, options?: TextToVideoZeroOptions];

/** A loaded TextToVideoZeroPipeline. */
export type TextToVideoZeroPipeline = Pipeline<
  TextToVideoZeroComponents,
  TextToVideoZeroArguments,
  ImageOutput
>;

const options: CallOptions<TextToVideoZeroOptions> = {
  ...videoZeroOptions,
  negativePrompt: guidanceOptions.negativePrompt,
  promptSyntax: guidanceOptions.promptSyntax,
};

const { imageEncoder: _, ...roles } = stableDiffusion.components;
const components: { readonly [K in keyof TextToVideoZeroComponents]: ComponentSpec } = roles;

/** Text to a series of images; `TextToVideoZeroPipeline` of diffusers. */
export const TextToVideoZeroPipeline: PipelineClass<
  TextToVideoZeroComponents,
  TextToVideoZeroArguments,
  ImageOutput
> = definePipeline<TextToVideoZeroComponents, TextToVideoZeroArguments, ImageOutput>({
  className: "TextToVideoZeroPipeline",
  task: "text-to-video",
  family: "text-to-video-zero",
  takesPrompt: true,
  components,
  settings: stableDiffusion.settings,
  prepare: (parts, warn, facts) => prepareStableDiffusion(parts, warn, facts),
  options,
  defaults: videoZeroDefaults,
  defaultSize: (parts) => sdSize(parts, {}),
  async *generate(run, prompt, options = {}) {
    checkOnePrompt(prompt);
    const size = sdSize(run.components, options);
    const { negativePrompt, promptSyntax, guidanceScale = 7.5 } = options;
    const given = { negativePrompt, promptSyntax, guidanceScale };
    const { encoderHiddenStates, timestepCond, guidance } = await conditionOnText(
      run,
      prompt,
      given,
    );
    const conditioning = { encoderHiddenStates, timestepCond };
    const text = { conditioning, guidance, guidanceScale };
    return yield* denoiseFrames(run, options, { prompt, negativePrompt, size, text });
  },
});

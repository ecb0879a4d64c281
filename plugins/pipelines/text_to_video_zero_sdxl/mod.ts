/**
 * TextToVideoZeroSDXLPipeline: a series of images from text that hang together, by Stable Diffusion XL, which was
 * trained on single images. Khachatryan et al., "Text2Video-Zero: Text-to-Image Diffusion Models are Zero-Shot Video
 * Generators" (arXiv:2303.13439).
 *
 * The result is the images one after the other, for a program that makes a video of them. One generator, or one
 * seed, makes the whole series. `guidance_rescale` and `cross_attention_kwargs`, which diffusers takes without effect
 * on the UNet, are no options.
 *
 * @example
 * ```ts ignore
 * import { DDIMScheduler, TextToVideoZeroSDXLPipeline } from "@denoise/denoise";
 *
 * const pipe = await TextToVideoZeroSDXLPipeline.fromPretrained(
 *   "stabilityai/stable-diffusion-xl-base-1.0",
 * );
 * pipe.scheduler = DDIMScheduler.fromConfig(pipe.scheduler.config);
 * const { images } = await pipe("A panda dancing in Antarctica", { seed: 0 });
 * for (const [i, image] of images.entries()) await image.save(`panda-${i}.png`);
 * ```
 *
 * @module
 */
import {
  type CallOptions,
  definePipeline,
  type ImageOutput,
  type Pipeline,
  type PipelineClass,
} from "@denoise/core";
import { type DenoisingRangeOptions, denoisingRangeOptions, type Prompt } from "@denoise/diffusion";
import {
  conditionOnXlText,
  stableDiffusionXL,
  type StableDiffusionXLComponents,
  textTimeIds,
  type XlPromptOptions,
  xlPromptOptions,
  xlSize,
  type XlSizeOptions,
  xlSizeOptions,
} from "@denoise/stable-diffusion";
import {
  checkOnePrompt,
  denoiseFrames,
  videoZeroDefaults,
  type VideoZeroOptions,
  videoZeroOptions,
} from "@denoise/text-to-video-zero";

/** Options of a call. */
export interface TextToVideoZeroSDXLOptions
  extends
    VideoZeroOptions,
    Omit<XlPromptOptions, "numImagesPerPrompt" | "clipSkip" | "crossAttentionKwargs">,
    Pick<XlSizeOptions, "originalSize" | "cropsCoordsTopLeft" | "targetSize">,
    Pick<DenoisingRangeOptions, "denoisingEnd"> {}

/** What a call is given: a prompt, none with `promptEmbeds`, then options. */
export type TextToVideoZeroSDXLArguments = [
  prompt?: Prompt,
  options?: TextToVideoZeroSDXLOptions,
];

/** A loaded TextToVideoZeroSDXLPipeline. */
export type TextToVideoZeroSDXLPipeline = Pipeline<
  StableDiffusionXLComponents,
  TextToVideoZeroSDXLArguments,
  ImageOutput
>;

const { numImagesPerPrompt: _, clipSkip: _1, crossAttentionKwargs: _2, ...texts } = xlPromptOptions;
const { originalSize, cropsCoordsTopLeft, targetSize } = xlSizeOptions;

const options: CallOptions<TextToVideoZeroSDXLOptions> = {
  ...videoZeroOptions,
  ...texts,
  ...{ originalSize, cropsCoordsTopLeft, targetSize },
  denoisingEnd: denoisingRangeOptions.denoisingEnd,
};

/** Text to a series of images; `TextToVideoZeroSDXLPipeline` of diffusers. */
export const TextToVideoZeroSDXLPipeline: PipelineClass<
  StableDiffusionXLComponents,
  TextToVideoZeroSDXLArguments,
  ImageOutput
> = definePipeline<StableDiffusionXLComponents, TextToVideoZeroSDXLArguments, ImageOutput>({
  className: "TextToVideoZeroSDXLPipeline",
  task: "text-to-video",
  family: "text-to-video-zero-xl",
  takesPrompt: true,
  components: stableDiffusionXL.components,
  settings: { force_zeros_for_empty_prompt: true },
  options,
  defaults: videoZeroDefaults,
  defaultSize: (parts) => xlSize(parts, {}),
  async *generate(run, prompt, options = {}) {
    checkOnePrompt(prompt, options.promptEmbeds);
    const size = xlSize(run.components, options);
    const { guidanceScale = 7.5, negativePrompt, denoisingEnd } = options;
    const encoded = await conditionOnXlText(run, prompt, { ...options, guidanceScale });
    const ids = textTimeIds(options, [size.height, size.width]);
    const { timestepCond: _, ...conditioning } = encoded.conditioning(ids, "grouped");
    const text = { conditioning, guidance: encoded.guidance, guidanceScale };
    return yield* denoiseFrames(run, options, {
      ...{ prompt, negativePrompt, size, text, denoisingEnd },
    });
  },
});

/**
 * UnCLIPImageVariationPipeline: variations of an image: unCLIP's decoder makes small images of the vector that CLIP
 * has for it, and two UNets make these larger. Ramesh et al., "Hierarchical Text-Conditional Image Generation with
 * CLIP Latents" (arXiv:2204.06125).
 *
 * @example
 * ```ts ignore
 * import { UnCLIPImageVariationPipeline } from "@denoise/denoise";
 *
 * const pipe = await UnCLIPImageVariationPipeline.fromPretrained(
 *   "kakaobrain/karlo-v1-alpha-image-variations",
 * );
 * const { images } = await pipe({ image: "frog.png", seed: 0 });
 * await images[0].save("variation.png");
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
  type Tensor,
} from "@denoise/core";
import {
  batchNoise,
  encodeImageVectors,
  encodePriorText,
  type ImageEncoder,
  type ImagesInput,
  joinPriorTexts,
} from "@denoise/diffusion";
import type { FeatureExtractor } from "@denoise/roles";
import {
  decodeVectors,
  unclipDecoder,
  type UnCLIPDecoderComponents,
  unclipDecoderDefaults,
  type UnCLIPDecoderOptions,
  unclipDecoderOptions,
  unclipSize,
} from "@denoise/unclip";

/** What an UnCLIPImageVariationPipeline consists of. */
export interface UnCLIPImageVariationComponents extends UnCLIPDecoderComponents {
  /** CLIPImageProcessor. */
  readonly featureExtractor: FeatureExtractor;
  /** CLIPVisionModelWithProjection. */
  readonly imageEncoder: ImageEncoder;
}

/** Options of a call. */
export interface UnCLIPImageVariationOptions extends UnCLIPDecoderOptions {
  /**
   * The image to vary, or several; or a tensor as the image encoder takes it, float32 [N, 3, height, width], resized
   * and normalized. Without it `imageEmbeddings`.
   */
  readonly image?: ImagesInput | undefined;
  /** What the image encoder has made of images, float32 [N, width]. */
  readonly imageEmbeddings?: Tensor | undefined;
}

/** A loaded UnCLIPImageVariationPipeline. */
export type UnCLIPImageVariationPipeline = Pipeline<
  UnCLIPImageVariationComponents,
  [options: UnCLIPImageVariationOptions],
  ImageOutput
>;

/** An image to variations; `UnCLIPImageVariationPipeline` of diffusers. */
export const UnCLIPImageVariationPipeline: PipelineClass<
  UnCLIPImageVariationComponents,
  [options: UnCLIPImageVariationOptions],
  ImageOutput
> = definePipeline({
  className: "UnCLIPImageVariationPipeline",
  task: "image-to-image",
  family: "unclip",
  components: {
    ...unclipDecoder,
    featureExtractor: { kind: "processor" },
    imageEncoder: { kind: "model" },
  },
  options: {
    ...unclipDecoderOptions,
    image: { type: "image", list: "allowed" },
    imageEmbeddings: { type: "tensor" },
  },
  defaults: unclipDecoderDefaults,
  defaultSize: unclipSize,
  generate,
});

async function* generate(
  run: PipelineRun<UnCLIPImageVariationComponents>,
  options: UnCLIPImageVariationOptions,
) {
  const { components } = run;
  const { numImagesPerPrompt: each = 1, decoderGuidanceScale = 8 } = options;
  const guidance = decoderGuidanceScale > 1;
  const given = await vectorsOf(components, options);
  const none = Array<string>(given.dims[0]!).fill("");
  const empty = await encodePriorText(components, none, each);
  const text = guidance ? joinPriorTexts(empty, empty) : empty;
  const vectors = given.repeatInterleave(each, 0);
  const noise = batchNoise(vectors.dims[0]!, options);
  return yield* decodeVectors(run, options, { vectors, text, guidance, noise, recipe: () => ({}) });
}

async function vectorsOf(
  components: UnCLIPImageVariationComponents,
  { image, imageEmbeddings: given }: UnCLIPImageVariationOptions,
): Promise<Tensor> {
  if ((image === undefined) === (given === undefined)) {
    throw new TypeError("Cannot vary an image: give either image or imageEmbeddings");
  }
  return given ?? await encodeImageVectors(components, image!);
}

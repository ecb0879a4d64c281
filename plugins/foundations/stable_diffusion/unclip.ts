import {
  type CallOptions,
  type ComponentSpec,
  Generator,
  type GeneratorInput,
  type ImageSize,
  type Model,
  randnTensor,
  type Scheduler,
  Tensor,
} from "@denoise/core";
import {
  checkNoiseLevel,
  checkSize,
  type Conditioning,
  encodeImageVectors,
  type Family,
  type ImageEncoder,
  type ImagesInput,
  type LatentComponents,
  type LatentOptions,
  repeatRows,
  sampleSize,
  type SizeOptions,
  vaeScaleFactor,
} from "@denoise/diffusion";
import type { FeatureExtractor } from "@denoise/roles";
import type { UNetControl } from "./control_nets.ts";
import type { StableDiffusionComponents } from "./stable_diffusion.ts";
import {
  conditionOnText,
  type GuidanceOptions,
  type TextConditioning,
} from "./text_conditioning.ts";
import { predictByUNet } from "./unet.ts";

/** The role of what normalizes the vectors of images. */
export interface VectorNormalizer extends Model<{ readonly embedding_dim: number }> {
  /** Vectors, float32 [N, width], with mean 0 and standard deviation 1. */
  scale(embeds: Tensor): Tensor;
  /** The other way round. */
  unscale(embeds: Tensor): Tensor;
}

/** What Stable unCLIP consists of, whose UNet is conditioned on the vector of an image, too. */
export interface UnCLIPComponents
  extends
    Pick<StableDiffusionComponents, "vae" | "unet" | "scheduler" | "textEncoder" | "tokenizer"> {
  /** CLIPImageProcessor. */
  readonly featureExtractor: FeatureExtractor;
  /** CLIPVisionModelWithProjection. */
  readonly imageEncoder: ImageEncoder;
  /** StableUnCLIPImageNormalizer. */
  readonly imageNormalizer: VectorNormalizer;
  /** What adds noise to the vector: DDPMScheduler. */
  readonly imageNoisingScheduler: Scheduler;
}

/** The components that the definition of its pipeline has. */
export const unclipComponents: { readonly [K in keyof UnCLIPComponents]: ComponentSpec } = {
  featureExtractor: { kind: "processor" },
  imageEncoder: { kind: "model" },
  imageNormalizer: { kind: "model" },
  imageNoisingScheduler: { kind: "scheduler" },
  tokenizer: { kind: "tokenizer" },
  textEncoder: { kind: "model" },
  unet: { kind: "model" },
  scheduler: { kind: "scheduler" },
  vae: { kind: "model" },
};

/** Options of a call that varies an image. */
export interface UnCLIPOptions {
  /**
   * The image to vary, or one for each prompt; or a tensor as the image encoder takes it, float32
   * [N, 3, height, width], resized and normalized. Without it `imageEmbeds`.
   */
  readonly image?: ImagesInput | undefined;
  /** What the image encoder has made of it, float32 [N, width], without noise. */
  readonly imageEmbeds?: Tensor | undefined;
  /** How much noise the vector is given: a timestep of the scheduler for it. Defaults to 0. */
  readonly noiseLevel?: number | undefined;
}

/** The declarations of {@linkcode UnCLIPOptions}. */
export const unclipOptions: CallOptions<UnCLIPOptions> = {
  image: { type: "image", list: "allowed" },
  imageEmbeds: { type: "tensor" },
  noiseLevel: { type: "integer", minimum: 0, cost: "none" },
};

/**
 * Stable unCLIP: Stable Diffusion 2 whose UNet is conditioned on the noisy vector of an image and on how noisy it
 * is, beside the text.
 */
export const unclip: Family<
  UnCLIPComponents & LatentComponents,
  LatentOptions & GuidanceOptions & UnCLIPOptions,
  UNetControl
> = {
  name: "stable-unclip",
  size: sizeByUNet,
  async encode(run, given, options, facts) {
    const { components } = run;
    const { numImagesPerPrompt: each = 1, noiseLevel = 0 } = options;
    checkNoiseLevel(components.imageNoisingScheduler, noiseLevel);
    const vectors = await vectorsOf(components, options);
    const isList = Array.isArray(options.image);
    const none = isList ? Array<string>(options.image.length).fill("") : "";
    const prompt = given ?? (options.promptEmbeds === undefined ? none : undefined);
    const text = await conditionOnText(run, prompt, options);
    const { count } = text;
    const { generator } = facts.noise(count);
    // given generators draw for each image given, as in the reference; own ones for each made
    const asReference = generator instanceof Generator || generator.length === vectors.dims[0];
    const spread = (x: Tensor) =>
      repeatRows(x.repeatInterleave(isList ? each : 1, 0), count, "images");
    const noisy = asReference
      ? spread(noised(components, vectors, noiseLevel, generator))
      : noised(components, spread(vectors), noiseLevel, generator);
    return followVectors(components.unet, noisy, text, options);
  },
};

/** What a UNet that follows vectors beside a text is called with. */
export function followVectors(
  unet: UnCLIPComponents["unet"],
  vectors: Tensor,
  { count, guidance, guidanceScale, encoderHiddenStates }: TextConditioning,
  { noiseLevel = 0, signal }: Pick<UnCLIPOptions & LatentOptions, "noiseLevel" | "signal">,
): Conditioning<UNetControl> {
  const classLabels = guidance ? Tensor.cat([Tensor.zeros(vectors.dims), vectors]) : vectors;
  return {
    count,
    facts: { guidanceScale, noiseLevel },
    denoiser: () =>
      predictByUNet(unet, { encoderHiddenStates, classLabels, signal }, {
        guidance,
        guidanceScale,
      }),
  };
}

/** The size of what a UNet that follows vectors makes. */
export function sizeByUNet(
  { unet, vae }: Pick<UnCLIPComponents, "unet" | "vae">,
  given: SizeOptions,
): ImageSize {
  const factor = vaeScaleFactor(vae);
  const [rows, columns] = sampleSize(unet.config.sample_size);
  const { height = rows * factor, width = columns * factor } = given;
  checkSize(height, width, Math.max(8, factor));
  return { height, width };
}

function checkWidth(vectors: Tensor, width: number): Tensor {
  const { dims } = vectors;
  if (dims.length === 2 && dims[1] === width) return vectors;
  throw new TypeError(
    `Cannot vary an image by imageEmbeds of shape [${dims.join(", ")}]: they must be [N, ${width}]`,
  );
}

async function vectorsOf(
  components: UnCLIPComponents,
  { image, imageEmbeds: given }: UnCLIPOptions,
): Promise<Tensor> {
  if ((image === undefined) === (given === undefined)) {
    throw new TypeError("Cannot vary an image: give either image or imageEmbeds");
  }
  if (given === undefined) return await encodeImageVectors(components, image!);
  return checkWidth(given, components.imageNormalizer.config.embedding_dim);
}

/** Vectors with noise, and beside them waves of how much: float32 [N, 2·width]. */
export function noised(
  { imageNormalizer, imageNoisingScheduler: scheduler }: Pick<
    UnCLIPComponents,
    "imageNormalizer" | "imageNoisingScheduler"
  >,
  vectors: Tensor,
  level: number,
  generator: GeneratorInput,
): Tensor {
  const [count, width] = vectors.dims as [number, number];
  const noise = randnTensor(vectors.dims, generator);
  const noisy = scheduler.addNoise(imageNormalizer.scale(vectors), noise, Array(count).fill(level));
  const waves = levelWaves(level, width).repeat([count, 1]);
  return Tensor.cat([imageNormalizer.unscale(noisy), waves], 1);
}

/** Cosines, then sines, of a level (`get_timestep_embedding`), [1, width]. */
function levelWaves(level: number, width: number): Tensor {
  const f = Math.fround;
  const half = Math.floor(width / 2);
  const row = new Float32Array(width);
  for (let i = 0; i < half; i++) {
    const angle = f(level * f(Math.exp(f(f(f(-Math.log(10000)) * i) / half))));
    row[i] = Math.cos(angle);
    row[half + i] = Math.sin(angle);
  }
  return new Tensor("float32", row, [1, width]);
}

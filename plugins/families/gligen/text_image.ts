import { type CallOptions, type ImageInput, type PipelineRun, Tensor } from "@denoise/core";
import { encodeImageVectors, type Family, type LatentOptions } from "@denoise/diffusion";
import {
  conditionOnText,
  predictByUNet,
  sdSize,
  type UNetControl,
} from "@denoise/stable-diffusion";
import { MOST_OBJECTS, objectsInBoxes } from "./boxes.ts";
import type { GligenTextImageComponents } from "./components.ts";
import { boxRows, forAllObjects, groundRows, phraseVectors } from "./objects.ts";
import { type GligenCallOptions, gligenCallOptions } from "./text.ts";

/** Options of a call whose objects are said by phrases, shown by images, or both. */
export interface GligenTextImageOptions extends GligenCallOptions {
  /** What is in each of `gligenBoxes`; null for an object that its image alone shows. */
  readonly gligenPhrases?: readonly (string | null)[] | undefined;
  /** How what is in each of `gligenBoxes` looks; null for an object that its phrase alone says. */
  readonly gligenImages?: readonly (ImageInput | null)[] | undefined;
  /** How much phrases count, 0 or 1: one number for all, or a list of one for each of the first. Defaults to 1. */
  readonly inputPhrasesMask?: number | readonly number[] | undefined;
  /** The same for images. Defaults to 1. */
  readonly inputImagesMask?: number | readonly number[] | undefined;
  /** The length that vectors of images are brought to. Defaults to 28.7. */
  readonly gligenNormalizeConstant?: number | undefined;
}

/** The declarations of {@linkcode GligenTextImageOptions}. */
export const gligenTextImageOptions: CallOptions<GligenTextImageOptions> = {
  ...gligenCallOptions,
  gligenPhrases: { type: "any", list: "required", cost: "none" },
  gligenImages: { type: "any", list: "required" },
  inputPhrasesMask: { type: "number", list: "allowed" },
  inputImagesMask: { type: "number", list: "allowed" },
  gligenNormalizeConstant: { type: "number" },
};

/**
 * Stable Diffusion whose steps know of objects at places, said by phrases or shown by images. As in diffusers all
 * steps know of them, whatever `gligenScheduledSamplingBeta` says.
 */
export const gligenTextImage: Family<
  GligenTextImageComponents,
  LatentOptions & GligenTextImageOptions,
  UNetControl
> = {
  name: "stable-diffusion-gligen-text-image",
  size: sdSize,
  async encode(run, prompt, options) {
    const { gligenBoxes, gligenPhrases, gligenImages, signal } = options;
    if (gligenPhrases === undefined && gligenImages === undefined) {
      throw new TypeError("Cannot place objects: give gligenPhrases, gligenImages, or both");
    }
    if (options.gligenScheduledSamplingBeta !== undefined) {
      run.warn(
        "gligenScheduledSamplingBeta has no effect where images show objects: all steps know of them",
      );
    }
    const said = { gligenPhrases, gligenImages };
    const { boxes, lists } = objectsInBoxes(gligenBoxes, said, run.warn);
    const masks = [
      maskRow("inputPhrasesMask", options.inputPhrasesMask),
      maskRow("inputImagesMask", options.inputImagesMask),
    ] as const;
    const text = await conditionOnText(run, prompt, options);
    const { count, guidance, guidanceScale, encoderHiddenStates, timestepCond } = text;
    const width = encoderHiddenStates.dims[2]!;
    const phrases = await phraseRows(run, lists.gligenPhrases ?? [], width);
    const images = await imageRows(run, lists.gligenImages ?? [], options, width);
    const objects = {
      ...boxRows(boxes),
      ...{ phrasesEmbeddings: phrases.vectors, phrasesMasks: phrases.there.mul(masks[0]) },
      ...{ imageEmbeddings: images.vectors, imageMasks: images.there.mul(masks[1]) },
    };
    const gligen = groundRows(objects, count, guidance);
    return {
      count,
      facts: {
        guidanceScale,
        gligenPhrases: gligenPhrases?.map((phrase) => phrase ?? "").join(" | "),
        gligenBoxes: JSON.stringify(gligenBoxes),
        promptSyntax: options.promptSyntax,
      },
      denoiser: () =>
        predictByUNet(run.components.unet, { encoderHiddenStates, timestepCond, gligen, signal }, {
          guidance,
          guidanceScale,
        }),
    };
  },
};

/** Vectors for all objects that there may be, and which of them there are. */
interface ObjectRows {
  /** float32 [30, width]. */
  readonly vectors: Tensor;
  /** float32 [30]. */
  readonly there: Tensor;
}

function rowsOf(vectors: readonly (Tensor | undefined)[], width: number): ObjectRows {
  const rows = vectors.map((vector) => vector ?? Tensor.zeros([1, width]));
  const there = Float32Array.from(
    { length: MOST_OBJECTS },
    (_, i) => vectors[i] === undefined ? 0 : 1,
  );
  const all = rows.length === 0 ? Tensor.zeros([1, width]) : Tensor.cat(rows);
  return { vectors: forAllObjects(all), there: Tensor.from(there) };
}

async function phraseRows(
  { components }: PipelineRun<GligenTextImageComponents>,
  phrases: readonly (string | null)[],
  width: number,
): Promise<ObjectRows> {
  const vectors = await Promise.all(phrases.map(async (phrase, i) => {
    if (phrase === null || phrase === undefined) return undefined;
    if (typeof phrase === "string") return await phraseVectors(components, [phrase]);
    throw new TypeError(
      `Cannot place gligenPhrases[${i}] of type ${typeof phrase}: it must be a string, or null`,
    );
  }));
  return rowsOf(vectors, width);
}

async function imageRows(
  { components: { imageEncoder, imageProject, processor } }: PipelineRun<GligenTextImageComponents>,
  images: readonly (ImageInput | null)[],
  { gligenNormalizeConstant: length = 28.7 }: GligenTextImageOptions,
  width: number,
): Promise<ObjectRows> {
  const encoders = { imageEncoder, featureExtractor: processor };
  const vectors = await Promise.all(images.map(async (image) => {
    if (image === null || image === undefined) return undefined;
    const vector = await imageProject.forward(await encodeImageVectors(encoders, [image]));
    const norm = Math.hypot(...vector.toFloat32Array());
    return vector.div(norm).mul(length);
  }));
  return rowsOf(vectors, width);
}

/** How much each of the objects that there may be counts, float32 [30]. */
function maskRow(name: string, mask: number | readonly number[] = 1): Tensor {
  const given = typeof mask === "number" ? Array<number>(MOST_OBJECTS).fill(mask) : mask;
  if (given.length > MOST_OBJECTS) {
    throw new RangeError(
      `Cannot mask objects by ${given.length} numbers: ${name} must have at most ${MOST_OBJECTS}`,
    );
  }
  return Tensor.from(Float32Array.from({ length: MOST_OBJECTS }, (_, i) => given[i] ?? 1));
}

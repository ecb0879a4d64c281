import {
  DenoiseError,
  type ImageCodec,
  type ImageInput,
  type ImageSize,
  type PipelineRun,
  Tensor,
} from "@denoise/core";
import {
  imageOfArea,
  type ImagesInput,
  latentSpace,
  packLatents,
  pasteImage,
  vaeScaleFactor,
} from "@denoise/diffusion";
import type { PatchedImages } from "@denoise/roles";
import type { QwenImage21Components } from "./components.ts";

/** Images that a prompt speaks of, as the language model reads them. */
export interface SeenImages {
  /** On white ground, in patches. */
  readonly patches: PatchedImages;
  /** How many tokens of the text each takes the place of. */
  readonly tokens: readonly number[];
}

/** The same as the transformer is given them. */
export interface ReferenceLatents {
  /** Latents as tokens, float32 [1, tokens, C]. */
  readonly tokens: Tensor;
  /** Rows and columns of the tokens. */
  readonly grid: readonly [rows: number, columns: number];
}

/** The images of a call. */
export interface CallImages {
  /** As the language model reads them. */
  readonly seen: SeenImages;
  /** As the transformer is given them. */
  readonly latents: readonly ReferenceLatents[];
  /** The size of the last one, which the result has where the call says none. */
  readonly size: ImageSize;
}

/**
 * The images of a call, each brought to about `side`² pixels in its shape; the language model sees transparent ones
 * on white.
 *
 * @throws {RangeError} for an empty list, for an image that is too long, and for sizes at which the processor makes
 * another number of tokens of an image than the autoencoder.
 * @throws {DenoiseError} `missing_component` without a processor, `missing_file` for one whose files say nothing of
 * images.
 */
export async function readImages(
  run: PipelineRun<QwenImage21Components>,
  images: ImagesInput,
  side: number,
): Promise<CallImages> {
  const codec = await run.images();
  const given = (Array.isArray(images) ? images as readonly ImageInput[] : [images as ImageInput])
    .flatMap((image) => image instanceof Tensor ? codec.fromTensor(image) : image);
  if (given.length === 0) {
    throw new RangeError("Cannot read images: the list is empty; leave image out for none");
  }
  const shown: Tensor[] = [];
  for (const image of given) shown.push(await imageOfArea(codec, image, side ** 2, "RGBA"));
  const seen = await patched(run, codec, shown);
  for (const [i, { dims: [, , height, width] }] of shown.entries()) {
    const side = 2 * vaeScaleFactor(run.components.vae); // each token stands for 2x2 latents
    const needed = height! * width! / side ** 2;
    if (seen.tokens[i] === needed) continue;
    throw new RangeError(
      `Cannot read an image at ${width}x${height}: the processor makes ${
        seen.tokens[i]
      } tokens of it where ${needed} are needed, as its config says how many pixels an image may have; give ` +
        "another outputResolution",
    );
  }
  const latents: ReferenceLatents[] = [];
  for (const image of shown) latents.push(await encoded(run, image));
  const [, , height, width] = shown.at(-1)!.dims as [number, number, number, number];
  return { seen, latents, size: { height, width } };
}

async function encoded(
  { components: { vae } }: PipelineRun<QwenImage21Components>,
  image: Tensor,
): Promise<ReferenceLatents> {
  const { latentDist } = await vae.encode(image.mul(2).sub(1));
  const latents = latentSpace(vae).normalize(latentDist.mode());
  return {
    tokens: packLatents(latents, { patch: 1 }),
    grid: [latents.dims[2]!, latents.dims[3]!],
  };
}

async function patched(
  { components: { processor } }: PipelineRun<QwenImage21Components>,
  codec: ImageCodec,
  shown: readonly Tensor[],
): Promise<SeenImages> {
  if (processor === null) {
    throw new DenoiseError(
      "missing_component",
      "Cannot read images: the pipeline lacks processor; load it, or leave image out",
    );
  }
  const { imageProcessor } = processor;
  if (imageProcessor === undefined) {
    throw new DenoiseError(
      "missing_file",
      "Cannot read images: the files of the pipeline's processor do not say how images are prepared; put " +
        "preprocessor_config.json of the model's repo into its folder",
    );
  }
  const patches = await imageProcessor.patches(
    shown.flatMap((image) => codec.fromTensor(onWhite(image))),
  );
  const { merge_size: merge } = imageProcessor.config;
  const tokens = patches.imageGridThw.map(([frames, rows, columns]) =>
    frames * rows * columns / merge ** 2
  );
  return { patches, tokens };
}

/** An image without its alpha, laid on white: float32 [1, 3, H, W]. */
function onWhite(image: Tensor): Tensor {
  const [, , height, width] = image.dims as [number, number, number, number];
  return pasteImage(Tensor.ones([1, 3, height, width]), image, { top: 0, left: 0 });
}

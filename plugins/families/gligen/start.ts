import {
  type CallOptions,
  DenoiseError,
  type GeneratorInput,
  type Image,
  type ImageInput,
  type PipelineRun,
  randnTensor,
  roundHalfEven,
  Tensor,
} from "@denoise/core";
import {
  fromNoise,
  latentDims,
  type LatentOptions,
  latentSpace,
  mixerBy,
  type NoiseStartOptions,
  prepareImages,
  repeatRows,
  type Start,
} from "@denoise/diffusion";
import type { LatentDistribution } from "@denoise/roles";
import { type GligenBox, MOST_OBJECTS } from "./boxes.ts";
import type { GligenComponents } from "./components.ts";

/** Options of a call that places objects, said otherwise in each class. */
export interface GligenPlaces {
  /** Where the objects are: left, top, right and bottom of each, 0..1; at most 30. */
  readonly gligenBoxes: readonly GligenBox[];
  /**
   * The image that objects are inpainted into, in their boxes; for UNets of nine channels. Its middle is taken where
   * it is not square, in the autoencoder's `sample_size`, which the images that are made must have.
   */
  readonly gligenInpaintImage?: Exclude<ImageInput, Tensor> | undefined;
  /**
   * How much of the steps know of the objects, 0..1. Defaults to 0.3.
   */
  readonly gligenScheduledSamplingBeta?: number | undefined;
}

/** The declarations of {@linkcode GligenPlaces}. */
export const gligenPlaces: CallOptions<GligenPlaces> = {
  gligenBoxes: { type: "any", required: true, cost: "none" },
  gligenInpaintImage: { type: "image" },
  gligenScheduledSamplingBeta: { type: "number", minimum: 0, maximum: 1 },
};

/** From noise, or from noise in the boxes of an image. */
export const fromBoxes: Start<GligenComponents, LatentOptions & GligenPlaces & NoiseStartOptions> =
  {
    from: "noise",
    check: ({ unet, vae }, { gligenInpaintImage: image }) => {
      const channels = latentSpace(vae).channels;
      const wanted = image === undefined ? channels : 2 * channels + 1;
      const { in_channels: has } = unet.config;
      if (has === wanted) return;
      throw new RangeError(
        image === undefined
          ? `Cannot place objects without an image by a UNet of ${has} input channels: give gligenInpaintImage to it, ` +
            `or take one of ${wanted}`
          : `Cannot inpaint objects into gligenInpaintImage by a UNet of ${has} input channels: it must have ${wanted}`,
      );
    },
    async begin(run, options, facts) {
      const { gligenInpaintImage: image, gligenBoxes, latents: given } = options;
      if (image === undefined) return await fromNoise.begin(run, options, facts);
      const { unet, vae, scheduler } = run.components;
      const { count, noise: { generator } } = facts;
      const size = facts.size();
      const side = sideOf(vae.config.sample_size);
      if (size.height !== side || size.width !== side) {
        throw new RangeError(
          `Cannot inpaint objects at ${size.width}x${size.height}: gligenInpaintImage is taken at ${side}x${side}, the ` +
            "autoencoder's sample_size; leave height and width out, or give these",
        );
      }
      const plan = facts.plan(size);
      const dims = latentDims(vae, count, size);
      // the reference draws noise for all channels of the UNet and leaves it for that of the latents, which it does not scale
      if (given === undefined) {
        randnTensor([count, unet.config.in_channels, ...dims.slice(2)], generator);
      }
      const pixels = await squarePixels(run, image, side);
      const { latentDist } = await vae.encode(pixels);
      const clean = latentSpace(vae).normalize(drawn(latentDist, generator)); // [1 or N, C, h, w]
      const start = given?.mul(scheduler.initNoiseSigma) ?? randnTensor(dims, generator);

      const kept = outside(gligenBoxes.slice(0, MOST_OBJECTS), dims[2]); // [1, 1, h, w]
      const mix = mixerBy(kept);
      const blend = (latents: Tensor, timestep: number) => {
        const around = scheduler.addNoise(clean, randnTensor(clean.dims, generator), [timestep]);
        return mix(around, latents);
      };
      const beside = Tensor.cat([
        repeatRows(clean.mul(kept), count, "images"),
        kept.repeat([count, 1, 1, 1]),
      ], 1);
      return {
        latents: blend(start, plan.timesteps[0]!),
        denoiserInput: (scaled) => Tensor.cat([scaled, beside], 1),
        keep: (latents, next) => next === undefined ? latents : blend(latents, next),
        ...{ size, plan, controls: [] },
      };
    },
  };

/** The side of the square images that an autoencoder was made for. */
function sideOf(sampleSize: number | readonly number[]): number {
  const [height, width = height] = [sampleSize].flat();
  if (height !== undefined && height === width) return height;
  throw new RangeError(
    `Cannot inpaint objects with an autoencoder of sample_size [${
      [sampleSize].flat()
    }]: it must be a square`,
  );
}

/** A draw for each generator, or one for all images. */
function drawn(latents: LatentDistribution, generator: GeneratorInput): Tensor {
  if (!Array.isArray(generator)) return latents.sample(generator);
  return Tensor.cat(generator.map((one) => latents.sample(one)));
}

/** The middle of an image as the encoder takes it, float32 [1, 3, side, side] in -1..1. */
async function squarePixels(
  run: PipelineRun<GligenComponents>,
  input: Exclude<ImageInput, Tensor>,
  side: number,
): Promise<Tensor> {
  const codec = await run.images();
  if (codec.editor === undefined || input instanceof Tensor) {
    throw new DenoiseError(
      "missing_component",
      "Cannot take the middle of gligenInpaintImage: it must be an image, not a Tensor, and the image codec must " +
        "have an editor, as @denoise/image has",
    );
  }
  const image = await codec.editor.open(input, "RGB");
  const middle = image.width === image.height ? image : codec.editor.crop(image, middleOf(image));
  return await prepareImages(codec, middle, { width: side, height: side });
}

/** The box of the largest square in the middle, where Pillow rounds halves to even numbers. */
function middleOf({ width, height }: Image) {
  const side = Math.min(width, height);
  return {
    left: roundHalfEven((width - side) / 2),
    right: roundHalfEven((width + side) / 2),
    top: roundHalfEven((height - side) / 2),
    bottom: roundHalfEven((height + side) / 2),
  };
}

/** 0 in the boxes and 1 around them, float32 [1, 1, side, side]. */
function outside(boxes: readonly GligenBox[], side: number): Tensor {
  const values = new Float32Array(side * side).fill(1);
  for (const box of boxes) {
    const [left = 0, top = 0, right = 0, bottom = 0] = box.map((part) => Math.trunc(part * side));
    for (let y = top; y < bottom; y++) values.fill(0, y * side + left, y * side + right);
  }
  return new Tensor("float32", values, [1, 1, side, side]);
}

import { type CallOptions, Tensor } from "@denoise/core";
import {
  type ImagesInput,
  inpaintInput,
  mixerBy,
  prepareMasks,
  retrieveTimesteps,
} from "@denoise/diffusion";
import {
  type BeginDecoding,
  checkSides,
  type DecoderStart,
  type KandinskyDecoderOptions,
  kandinskyDecoderOptions,
  noiseOf,
} from "./decoder.ts";
import { imagesOf, meanLatents } from "./image_start.ts";

/** Options of a call of the decoder that inpaints. */
export interface KandinskyMaskOptions extends KandinskyDecoderOptions {
  /** The image to inpaint, or one for each vector; what is kept is put back of the first. */
  readonly image: ImagesInput;
  /** What is inpainted: white, in one mask for each image. */
  readonly maskImage: ImagesInput;
}

/** The declarations of {@linkcode KandinskyMaskOptions}. */
export const kandinskyMaskOptions: CallOptions<KandinskyMaskOptions> = {
  ...kandinskyDecoderOptions,
  image: inpaintInput.image,
  maskImage: inpaintInput.maskImage,
};

/** From noise, beside an image of which a mask lets a part change. */
export const beginWithMask: BeginDecoding<KandinskyMaskOptions> = async (
  run,
  options,
  facts,
): Promise<DecoderStart> => {
  const { scheduler, movq, unet } = run.components;
  const { height = 512, width = 512, numImagesPerPrompt = 1 } = options;
  const channels = movq.config.latent_channels;
  checkUNet(unet.config.in_channels, 2 * channels + 1);
  checkSides("inpaint", options, movq);
  const timesteps = retrieveTimesteps(scheduler, options);
  const codec = await run.images();
  const images = await meanLatents(movq, await imagesOf(run, options.image, { height, width }));
  const masks = await prepareMasks(codec, options.maskImage, { height, width });
  const kept = shrunk(masks.map((x) => 1 - x), images.dims.slice(2));
  if (kept.dims[0] !== images.dims[0]) {
    throw new RangeError(
      `Cannot inpaint ${images.dims[0]} images with ${kept.dims[0]} masks: give one for each`,
    );
  }
  const noise = noiseOf(movq, scheduler, options, facts);
  const rows = (x: Tensor) => {
    const spread = x.repeatInterleave(numImagesPerPrompt, 0);
    if (spread.dims[0] === facts.count) return spread;
    if (x.dims[0] === 1) return x.repeat([facts.count, 1, 1, 1]);
    throw new RangeError(
      `Cannot inpaint ${x.dims[0]} images for ${
        facts.count / numImagesPerPrompt
      } vectors: give one ` +
        "image, or one for each",
    );
  };
  // as in the reference what is kept comes from the first image, whatever the others are
  const [image, mask] = [images.slice(0, 0, 1), kept.slice(0, 0, 1)];
  const mix = mixerBy(mask);
  return {
    latents: noise,
    timesteps,
    beside: Tensor.cat([rows(images.mul(kept)), rows(kept)], 1),
    keep(latents, next) {
      const around = next === undefined
        ? image
        : scheduler.addNoise(image.repeat([facts.count, 1, 1, 1]), noise, [next]);
      return mix(around, latents);
    },
  };
};

function checkUNet(found: number, wanted: number): void {
  if (found === wanted) return;
  throw new RangeError(
    `Cannot inpaint with this UNet: it takes ${found} channels, but must take ${wanted}, those of the ` +
      "latents, of the masked image and of the mask; use a model that was trained to inpaint",
  );
}

/**
 * What a mask keeps in the size of the latents: every so manyth pixel, and nothing beside those that change,
 * above and below, left and right, and along one diagonal (`prepare_mask`).
 *
 * @param kept float32 [N, 1, H, W], 1 where the image is kept.
 */
function shrunk(kept: Tensor, [height = 0, width = 0]: readonly number[]): Tensor {
  const [count = 0, , rows = 0, columns = 0] = kept.dims;
  const from = kept.toFloat32Array();
  const at = (n: number, y: number, x: number) => {
    const [row, column] = [Math.floor(y * rows / height), Math.floor(x * columns / width)];
    return from[(n * rows + row) * columns + column]!;
  };
  const isKept = (n: number, y: number, x: number) =>
    y < 0 || x < 0 || y >= height || x >= width || at(n, y, x) === 1;
  const around = [[0, 0], [-1, 0], [0, -1], [-1, -1], [1, 0], [0, 1], [1, 1]] as const;
  const data = new Float32Array(count * height * width);
  for (let n = 0, place = 0; n < count; n++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        data[place++] = around.every(([dy, dx]) => isKept(n, y + dy, x + dx)) ? 1 : 0;
      }
    }
  }
  return new Tensor("float32", data, [count, 1, height, width]);
}

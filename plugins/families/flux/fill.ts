import { type CallOptions, Tensor } from "@denoise/core";
import {
  encodeToLatents,
  type ImagesInput,
  type LatentOptions,
  noisedGivenImages,
  type NoiseStartOptions,
  noiseStartOptions,
  prepareImages,
  prepareMasks,
  repeatRows,
  type Start,
  vaeScaleFactor,
} from "@denoise/diffusion";
import type { FluxComponents } from "./components.ts";

/** Options of a call that fills what a mask covers. */
export interface FluxFillStartOptions extends NoiseStartOptions {
  /** The image to fill, or one for each image to make; it is resized to the size of the call. */
  readonly image: ImagesInput;
  /** White where the image is inpainted, black where the image stays; grey is cut at half. */
  readonly maskImage: ImagesInput;
  /** Denoising strength, 0..1: at 1 nothing under the mask is kept. */
  readonly strength?: number | undefined;
}

/** The declarations of {@linkcode FluxFillStartOptions}. */
export const fluxFillStartOptions: CallOptions<FluxFillStartOptions> = {
  ...noiseStartOptions,
  image: { type: "image", list: "allowed", required: true },
  maskImage: { type: "image", list: "allowed", required: true },
  strength: { type: "number", minimum: 0, maximum: 1 },
};

/**
 * From an image and a mask that the transformer is given beside the latents: the image without what
 * is covered, as latents, and the mask in full resolution, each pixel of a latent as a channel.
 */
export const fromImageToFill: Start<FluxComponents, LatentOptions & FluxFillStartOptions> = {
  from: "mask",
  check({ transformer, vae }) {
    const { latent_channels } = vae.config;
    const wanted = 4 * (2 * latent_channels + vaeScaleFactor(vae) ** 2);
    const { in_channels } = transformer.config;
    if (in_channels === wanted) return;
    throw new RangeError(
      `Cannot fill with a transformer of ${in_channels} input channels: it must have ${wanted}, ` +
        `for latents, masked image and mask, as that of FLUX.1 Fill`,
    );
  },
  async begin(run, options, { count, noise, ...facts }) {
    const { vae } = run.components;
    const codec = await run.images();
    const size = facts.size();
    const plan = facts.plan(size);
    const { latent_channels: latentChannels } = vae.config;
    const images = await prepareImages(codec, options.image, { ...size, latentChannels });
    if (images.dims[1] === latentChannels) {
      throw new TypeError(
        "Cannot fill latents: give the image itself, of which the mask is cut out",
      );
    }
    const latents = options.latents ??
      await noisedGivenImages(run.components, images, count, noise, plan.timesteps[0]!);
    const masks = await prepareMasks(codec, options.maskImage, size);
    const covered = images.mul(masks.mul(-1).add(1));
    const masked = await encodeToLatents(vae, covered, noise.generator, count);
    const mask = repeatRows(maskChannels(masks, vaeScaleFactor(vae)), count, "masks");
    return {
      ...{ latents, size, plan, controls: [] },
      denoiserInput: (scaled) => Tensor.cat([scaled, masked, mask], 1),
    };
  },
};

/**
 * Masks [N, 1, H, W] as channels of latents: each pixel of one is a channel, [N, factor², h, w].
 *
 * @param factor Pixels of a side that are one latent.
 */
function maskChannels(masks: Tensor, factor: number): Tensor {
  const [n, , height, width] = masks.dims as [number, number, number, number];
  const [h, w] = [height / factor, width / factor];
  return masks.reshape([n, h, factor, w, factor]).permute([0, 2, 4, 1, 3])
    .reshape([n, factor ** 2, h, w]);
}

import { type PipelineRun, randnTensor, type RunOptions, Tensor } from "@denoise/core";
import { drawnImages, encodeToLatents, imageLatentMeans } from "./image_latents.ts";
import { type LatentComponents, latentDims } from "./latents.ts";
import { maskLatents, mixerBy } from "./mask_latents.ts";
import type { BatchNoise } from "./noise.ts";
import { type ImagesInput, prepareMasks } from "./image_input.ts";

/** What an inpainting run begins with. */
export interface InpaintStart {
  /** The images to inpaint, float32 [N, 3, H, W] in -1..1, or latents. */
  readonly images: Tensor;
  /** What is inpainted. */
  readonly maskImage: ImagesInput;
  /** Whether the denoiser is given mask and masked image; see {@linkcode takesMask}. */
  readonly givenMask: boolean;
  /** Whether a run of all steps begins with the noised image too, not with noise alone. */
  readonly beginsWithImage?: boolean | undefined;
  /** Whether own latents are begun with as they are, beside noise that is drawn before the image is encoded. */
  readonly drawsBesideLatents?: boolean | undefined;
  /** Whether the image is encoded without noise. */
  readonly encodesMean?: boolean | undefined;
  /** Whether the mask is brought to the latents' size bilinearly, so that its edges are mixed. */
  readonly blendsMask?: boolean | undefined;
  /** Size of the images in pixels. */
  readonly size: { readonly height: number; readonly width: number };
  /** How many images are made. */
  readonly count: number;
  /** The first timestep. */
  readonly first: number;
  /** Denoising strength, 0..1. */
  readonly strength: number;
  /** Whether another run has come to the first timestep with these images. */
  readonly goesOn?: boolean;
}

/** The latents of an inpainting run, and how the mask takes part in each step. */
export interface InpaintLatents {
  /** The latents to begin with, float32 [N, C, h, w]. */
  readonly latents: Tensor;
  /** Those of the image; undefined where nothing of it is put back. */
  readonly clean: Tensor | undefined;
  /** What the denoiser is given for scaled latents: mask and masked image too, where it takes them. */
  denoiserInput(scaled: Tensor): Tensor;
  /**
   * Puts back what the mask does not cover, as noisy as the next timestep wants it; after the last
   * one as it is. A denoiser that is given the mask needs no such help.
   */
  keep(latents: Tensor, next: number | undefined): Tensor;
}

/** Options of a call that say where latents come from. */
export interface InpaintLatentOptions extends Pick<RunOptions, "generator"> {
  /** Own noise, or latents, to begin with, float32 [N, C, h, w]. */
  readonly latents?: Tensor | undefined;
  /** Latents of the image without what the mask covers, float32 [N, C, h, w]. */
  readonly maskedImageLatents?: Tensor | undefined;
}

/** Brings images and masks to latents, and adds the noise that a run begins with. */
export async function inpaintLatents(
  run: PipelineRun<LatentComponents>,
  start: InpaintStart,
  options: InpaintLatentOptions,
  { generator }: BatchNoise,
): Promise<InpaintLatents> {
  const { vae, scheduler } = run.components;
  const { givenMask, size, count, first, goesOn = false, beginsWithImage = false } = start;
  const images = drawnImages(start.images, count, options);

  const dims = latentDims(vae, count, size);
  const own = options.latents;
  const beside = own && start.drawsBesideLatents ? randnTensor(dims, generator) : undefined;
  const isAllNoise = start.strength === 1 && !beginsWithImage;
  const fromNoise = !goesOn && (isAllNoise || own !== undefined);
  const encode = () =>
    start.encodesMean
      ? imageLatentMeans(vae, images, count)
      : encodeToLatents(vae, images, generator, count);
  const clean = givenMask && fromNoise ? undefined : await encode();
  const added = beside ?? (goesOn || own === undefined ? randnTensor(dims, generator) : own);
  const latents = goesOn
    ? own ?? clean!
    : fromNoise
    ? (own ?? added).mul(scheduler.initNoiseSigma)
    : scheduler.addNoise(clean!, added, [first]);

  const masks = await prepareMasks(await run.images(), start.maskImage, size);
  const given = options.maskedImageLatents;
  const { blendsMask } = start;
  const { mask, masked } = await maskLatents(
    { vae },
    images,
    masks,
    generator,
    count,
    given,
    blendsMask,
  );
  const mix = mixerBy(mask);
  return {
    ...{ latents, clean },
    denoiserInput: (scaled) => givenMask ? Tensor.cat([scaled, mask, masked], 1) : scaled,
    keep(inpainted, next) {
      if (givenMask) return inpainted;
      const around = next === undefined ? clean! : scheduler.addNoise(clean!, added, [next]);
      return mix(inpainted, around);
    },
  };
}

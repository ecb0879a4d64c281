import { type PipelineRun, randnTensor, type RunOptions, Tensor } from "@denoise/core";
import { encodePictures, repeatRows } from "./image_latents.ts";
import { type LatentComponents, vaeScaleFactor } from "./latents.ts";
import { maskLatents } from "./mask_latents.ts";
import type { BatchNoise } from "./noise.ts";
import { type PicturesInput, prepareMasks } from "./picture_input.ts";

/** What an inpainting run begins with. */
export interface InpaintStart {
  /** The pictures to paint in, float32 [N, 3, H, W] in -1..1, or latents. */
  readonly pictures: Tensor;
  /** What is painted anew. */
  readonly maskImage: PicturesInput;
  /** Whether the UNet sees mask and masked picture; see {@linkcode seesMask}. */
  readonly nineChannels: boolean;
  /** Size of the pictures in pixels. */
  readonly size: { readonly height: number; readonly width: number };
  /** How many pictures are made. */
  readonly count: number;
  /** The first timestep. */
  readonly first: number;
  /** How much of the picture is forgotten, 0..1. */
  readonly strength: number;
  /** Whether another run has come to the first timestep with these pictures. */
  readonly goesOn?: boolean;
}

/** The latents of an inpainting run, and how the mask takes part in each step. */
export interface InpaintLatents {
  /** The latents to begin with, float32 [N, 4, h, w]. */
  readonly latents: Tensor;
  /** What the UNet is given for scaled latents: a UNet of 9 channels sees mask and picture, too. */
  see(scaled: Tensor): Tensor;
  /**
   * Puts back what the mask does not cover, as noisy as the next timestep wants it; after the last
   * one as it is. A UNet of 9 channels needs no such help.
   */
  keep(latents: Tensor, next: number | undefined): Tensor;
}

/** Options of a call that say where latents come from. */
export interface InpaintLatentOptions extends Pick<RunOptions, "generator"> {
  /** Own noise to begin with, float32 [N, 4, h, w]. */
  readonly latents?: Tensor | undefined;
  /** Latents of the picture without what the mask covers, float32 [N, 4, h, w]. */
  readonly maskedImageLatents?: Tensor | undefined;
}

/** Brings pictures and masks to latents, and adds the noise that a run begins with. */
export async function inpaintLatents(
  run: PipelineRun<LatentComponents>,
  start: InpaintStart,
  options: InpaintLatentOptions,
  { generator }: BatchNoise,
): Promise<InpaintLatents> {
  const { vae, scheduler } = run.components;
  const { nineChannels, size, count, first, goesOn = false } = start;
  // Given generators draw as in the reference, for each picture given; own ones for each made.
  const pictures = options.generator === undefined
    ? repeatRows(start.pictures, count, "pictures")
    : start.pictures;

  const fromNoise = !goesOn && (start.strength === 1 || options.latents !== undefined);
  const clean = nineChannels && fromNoise
    ? undefined
    : await encodePictures(vae, pictures, generator, count);
  const factor = vaeScaleFactor(vae);
  const dims = [count, vae.config.latent_channels, size.height / factor, size.width / factor];
  const added = goesOn || options.latents === undefined
    ? randnTensor(dims, generator)
    : options.latents;
  const latents = goesOn
    ? options.latents ?? clean!
    : fromNoise
    ? added.mul(scheduler.initNoiseSigma)
    : scheduler.addNoise(clean!, added, [first]);

  const masks = await prepareMasks(await run.pictures(), start.maskImage, size);
  const given = options.maskedImageLatents;
  const { mask, masked } = await maskLatents({ vae }, pictures, masks, generator, count, given);
  const kept = mask.mul(-1).add(1);
  return {
    latents,
    see: (scaled) => nineChannels ? Tensor.cat([scaled, mask, masked], 1) : scaled,
    keep(painted, next) {
      if (nineChannels) return painted;
      const around = next === undefined ? clean! : scheduler.addNoise(clean!, added, [next]);
      return around.mul(kept).add(painted.mul(mask));
    },
  };
}

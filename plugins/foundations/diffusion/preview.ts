import {
  Generator,
  type Image,
  type PipelineRun,
  type Recipe,
  type StepOutput,
  Tensor,
} from "@denoise/core";
import type { Autoencoder } from "@denoise/roles";
import { solveLinear } from "@denoise/schedules";
import { type AutoencoderConfig, decodeLatents, latentSpace, vaeScaleFactor } from "./latents.ts";
import { denormalize, toImages } from "./output.ts";
import { resizeSpatial } from "./resize.ts";

/** A linear map from the channels of latents to red, green and blue in -1..1. */
export interface LatentColors {
  /** For each channel of the latents what it adds to red, green and blue. */
  readonly weights: readonly (readonly number[])[];
  /** Red, green and blue where the latents are zero. */
  readonly bias: readonly number[];
}

/**
 * Found by keturn for Stable Diffusion 1.4, whose latents those of 1.x and 2.x are:
 * https://discuss.huggingface.co/t/decoding-latents-to-rgb-without-upscaling/23204/2
 */
const STABLE_DIFFUSION: LatentColors = {
  weights: [
    [0.298, 0.207, 0.208],
    [0.187, 0.286, 0.173],
    [-0.158, 0.189, 0.264],
    [-0.184, -0.271, -0.473],
  ],
  bias: [0, 0, 0],
};

/**
 * Found by Timothy Alexis Vass for Stable Diffusion XL, there in 0..255:
 * https://huggingface.co/blog/TimothyAlexisVass/explaining-the-sdxl-latent-space
 */
const STABLE_DIFFUSION_XL: LatentColors = {
  weights: [[60, 60, 60], [-60, -5, 10], [25, 15, -5], [-70, -50, -35]]
    .map((row) => row.map((x) => x / 127.5)),
  bias: [150, 140, 130].map((x) => x / 127.5 - 1),
};

/** The published maps, by what latents are multiplied with. */
const PUBLISHED: ReadonlyMap<number, LatentColors> = new Map([
  [0.18215, STABLE_DIFFUSION],
  [0.13025, STABLE_DIFFUSION_XL],
]);

/** By config, which an autoencoder has in common with itself in a call. */
const fitted = new WeakMap<object, Promise<LatentColors>>();

/**
 * The colours of an autoencoder's latents: published ones for Stable Diffusion 1.x, 2.x and XL, for
 * others those that {@linkcode fitLatentColors} finds, once.
 */
export function latentColors(vae: Autoencoder): Promise<LatentColors> {
  const { scaling_factor, latents_mean = null } = vae.config as Partial<AutoencoderConfig>;
  const published = PUBLISHED.get(scaling_factor ?? 0);
  if (published !== undefined && latentSpace(vae).channels === 4 && latents_mean === null) {
    return Promise.resolve(published);
  }
  const known = fitted.get(vae.config);
  if (known !== undefined) return known;
  const fit = fitLatentColors(vae);
  fitted.set(vae.config, fit);
  fit.catch(() => fitted.delete(vae.config));
  return fit;
}

/**
 * Fits colours to the latents of an autoencoder by least squares: images are encoded, and each
 * latent is to give the mean colour of the pixels that it stands for.
 *
 * @param images float32 [N, 3, H, W] in -1..1, sides multiples of what one latent covers; clouds
 *   of random colours. Always the same by default.
 *
 * @example
 * ```ts ignore
 * import { colorLatents, fitLatentColors } from "@denoise/diffusion";
 *
 * const colors = await fitLatentColors(pipe.vae);
 * const { tensor: latents } = await pipe("a castle", { outputType: "latent" });
 * const small = colorLatents(latents, colors); // [1, 3, h, w] in about -1..1
 * ```
 */
export async function fitLatentColors(
  vae: Autoencoder,
  images?: Tensor,
): Promise<LatentColors> {
  const factor = vaeScaleFactor(vae);
  const shown = images ?? colouredClouds(16 * factor);
  const { latentDist } = await vae.encode(opaque(vae, shown));
  const latents = channelRows(latentSpace(vae).normalize(latentDist.mode()));
  const [count, , height, width] = shown.dims as [number, number, number, number];
  const blocks = shown.reshape([count, 3, height / factor, factor, width / factor, factor]);
  const colors = channelRows(blocks.mean([3, 5]));

  const columns = [...latents, latents[0]!.map(() => 1)];
  const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
  // a channel that is always zero would leave the equations without a solution
  const ridge = 1e-6 * columns[0]!.length;
  const gram = columns.map((a, i) => columns.map((b, j) => dot(a, b) + (i === j ? ridge : 0)));
  const solved = colors.map((color) =>
    solveLinear(gram, columns.map((column) => dot(column, color)))
  );
  return {
    weights: latents.map((_, channel) => solved.map((row) => row[channel]!)),
    bias: solved.map((row) => row[latents.length]!),
  };
}

/** Images with an alpha of 1 for an autoencoder that takes one. */
function opaque({ config }: Autoencoder, images: Tensor): Tensor {
  const { input_channels, in_channels } = config as Partial<Record<string, number>>;
  if ((input_channels ?? in_channels) !== 4) return images;
  return Tensor.cat([images, Tensor.ones(images.slice(1, 0, 1).dims)], 1);
}

/** The values of each channel, of all images and places one after the other. */
function channelRows(x: Tensor): Float64Array[] {
  const channels = x.dims[1]!;
  const rows = x.permute([1, 0, 2, 3]).reshape([channels, x.size / channels]);
  return rows.chunk(channels).map(({ data }) => Float64Array.from(data as Float32Array));
}

/** Random colours at places 2, 4, 8 and 16 a side, smooth between them; float32 [4, 3, n, n]. */
function colouredClouds(size: number): Tensor {
  const generator = new Generator(0);
  const clouds = [2, 4, 8, 16].map((places) => {
    const colors = generator.rand([1, 3, places, places]).mul(2).sub(1);
    return resizeSpatial(colors, size, size, "bicubic").clamp(-1, 1);
  });
  return Tensor.cat(clouds);
}

/**
 * Images as large as the latents, one pixel each.
 *
 * @param latents As the denoiser knows them, float32 [N, C, h, w].
 * @returns float32 [N, 3, h, w] in about -1..1.
 *
 * @example
 * ```ts
 * import { Tensor } from "@denoise/core";
 * import { colorLatents } from "@denoise/diffusion";
 * import { assertEquals } from "@std/assert";
 *
 * const latents = Tensor.full([1, 2, 1, 1], 0.5);
 * const red = { weights: [[1, 0, 0], [1, 0, 0]], bias: [0, -1, -1] };
 * assertEquals([...colorLatents(latents, red).data], [1, -1, -1]);
 * ```
 *
 * @throws {RangeError} for latents of another number of channels.
 */
export function colorLatents(latents: Tensor, { weights, bias }: LatentColors): Tensor {
  const channels = latents.chunk(latents.dims[1]!, 1);
  if (channels.length !== weights.length) {
    throw new RangeError(
      `Cannot colour latents of ${channels.length} channels: there are colours for ` +
        `${weights.length}`,
    );
  }
  const planes = bias.map((start, color) =>
    channels.reduce(
      (sum, channel, i) => sum.add(channel.mul(weights[i]![color]!)),
      Tensor.full(channels[0]!.dims, start),
    )
  );
  return Tensor.cat(planes, 1);
}

/**
 * Images of where a run is, of the clean latents that the step predicted, where it did: as the
 * call's `preview` says.
 *
 * @param decode How the pipeline's own autoencoder decodes.
 */
export async function previewLatents(
  run: PipelineRun<{ readonly vae: Autoencoder }>,
  { prevSample, predOriginalSample }: StepOutput,
  recipe: (index: number) => Recipe,
  decode: (vae: Autoencoder, latents: Tensor) => Promise<Tensor> = decodeLatents,
): Promise<Image[]> {
  const { components: { vae }, preview = "vae" } = run;
  const latents = predOriginalSample ?? prevSample;
  const shown = preview === "vae"
    ? await decode(vae, latents)
    : preview === "linear"
    ? colorLatents(latents, await latentColors(vae))
    : await decodeBy(preview as Autoencoder, latents);
  return await toImages(run, denormalize(shown), recipe);
}

/** Decodes by an autoencoder that is not the pipeline's own. */
async function decodeBy(decoder: Autoencoder, latents: Tensor): Promise<Tensor> {
  const own = latentSpace(decoder).channels;
  const channels = latents.dims[1];
  if (own === channels) return await decodeLatents(decoder, latents);
  throw new RangeError(
    `Cannot preview latents of ${channels} channels by an ${decoder.className} of ` +
      `${own}: use one that was made for these latents`,
  );
}

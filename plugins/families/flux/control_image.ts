import { type CallOptions, type PipelineRun, Tensor } from "@denoise/core";
import {
  type BatchNoise,
  encodeToLatents,
  type ImagesInput,
  type LatentOptions,
  prepareImages,
  repeatForPrompts,
  type SizeOptions,
  type Start,
} from "@denoise/diffusion";
import type { FluxComponents } from "./components.ts";

/** Options of a call of a model that an image controls. */
export interface FluxControlImageOptions {
  /**
   * Edges, depth or the like: what the transformer was trained with, one image or one for each
   * prompt, resized to the size of the call. A tensor is taken as it is: float32 [N, 3, H, W] in
   * -1..1, in the size of the call, or latents.
   */
  readonly controlImage: ImagesInput;
}

/** The declarations of {@linkcode FluxControlImageOptions}. */
export const fluxControlImageOptions: CallOptions<FluxControlImageOptions> = {
  controlImage: { type: "image", list: "allowed", required: true },
};

/** A start whose control image, as latents, is given to the transformer beside the others. */
export function withControlImage<O extends LatentOptions>(
  start: Start<FluxComponents, O>,
): Start<FluxComponents, O & FluxControlImageOptions> {
  return {
    from: start.from,
    check(components, options) {
      checkChannels(components);
      start.check?.(components, options);
    },
    async begin(run, options, facts) {
      const { count, noise } = facts;
      const control = await controlLatents(run, options, { ...facts.size(), count }, noise);
      const begun = await start.begin(run, options, facts);
      return { ...begun, denoiserInput: (scaled) => Tensor.cat([scaled, control], 1) };
    },
  };
}

function checkChannels({ transformer, vae }: FluxComponents): void {
  const wanted = 8 * vae.config.latent_channels;
  const { in_channels } = transformer.config;
  if (in_channels === wanted) return;
  throw new RangeError(
    `Cannot control a transformer of ${in_channels} input channels by an image: it must have ` +
      `${wanted}, as those of FLUX.1 Depth and Canny; others are controlled by ControlNets`,
  );
}

/** Control images as latents, one row for each image to make. */
async function controlLatents(
  run: PipelineRun<FluxComponents>,
  options: FluxControlImageOptions & LatentOptions,
  { count, height, width }: Required<SizeOptions> & { readonly count: number },
  { generator }: BatchNoise,
): Promise<Tensor> {
  const { controlImage, numImagesPerPrompt = 1 } = options;
  const { vae } = run.components;
  const rows = controlImage instanceof Tensor
    ? controlImage
    : await prepareImages(await run.images(), controlImage, { height, width });
  const spread = repeatForPrompts(rows, count / numImagesPerPrompt, count);
  return await encodeToLatents(vae, spread, generator, count);
}

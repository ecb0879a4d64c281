import type { CallOptions, PipelineRun, Tensor } from "@denoise/core";
import type { Denoiser } from "@denoise/roles";
import {
  cropControlImages,
  cropToMask,
  type InpaintInput,
  inpaintInput,
  seesMask,
} from "./inpaint.ts";
import { inpaintLatents } from "./inpaint_latents.ts";
import { type ControlImages, type ImagesInput, prepareImages } from "./image_input.ts";
import type { LatentOptions, Start } from "./latent_pipeline.ts";
import {
  type DenoiserConfig,
  type LatentComponents,
  latentDims,
  latentSpace,
  sizeInPixels,
  vaeScaleFactor,
} from "./latents.ts";
import { noisedGivenImages, noisedImageLatents } from "./noised_image_latents.ts";
import { initialLatents } from "./noise.ts";
import { checkSize, definedSize, type SizeOptions, sizeOptions } from "./size.ts";

/** Options of a call that begins with noise. */
export interface NoiseStartOptions extends SizeOptions {
  /** Own noise to begin with, float32 [N, C, height / 8, width / 8]. */
  readonly latents?: Tensor | undefined;
}

/** The declarations of {@linkcode NoiseStartOptions}. */
export const noiseStartOptions: CallOptions<NoiseStartOptions> = {
  ...sizeOptions,
  latents: { type: "tensor" },
};

/** Options of a call that begins with an image. */
export interface ImageStartOptions {
  /** The image to change, or one for each image to make; sides are cut to multiples of 8. */
  readonly image: ImagesInput;
  /** Denoising strength: 0 changes nothing, 1 leaves nothing of the image. */
  readonly strength?: number | undefined;
}

/** The declarations of {@linkcode ImageStartOptions}. */
export const imageStartOptions: CallOptions<ImageStartOptions> = {
  image: { type: "image", list: "allowed", required: true },
  strength: { type: "number", minimum: 0, maximum: 1 },
};

/** Options of a call that inpaints. */
export interface MaskStartOptions extends InpaintInput, NoiseStartOptions {
  /** Denoising strength, 0..1: how much of the masked part is changed. */
  readonly strength?: number | undefined;
}

/** The declarations of {@linkcode MaskStartOptions}. */
export const maskStartOptions: CallOptions<MaskStartOptions> = {
  ...inpaintInput,
  ...noiseStartOptions,
  strength: imageStartOptions.strength,
};

/** The control image of a call that has another image, too. */
export interface ControlImageOption {
  /** The image to control by, or one for each prompt; for several ControlNets a list of them. */
  readonly controlImage: ControlImages;
}

/** The declarations of {@linkcode ControlImageOption}. */
export const controlImageOption: CallOptions<ControlImageOption> = {
  controlImage: { type: "image", list: "allowed", required: true },
};

/** From noise alone, as large as a control image where there is one, which is `image` then. */
export const fromNoise: Start<
  LatentComponents,
  LatentOptions & NoiseStartOptions & { readonly image?: ControlImages | null | undefined }
> = {
  from: "noise",
  async begin(run, options, { count, noise, ...facts }) {
    const { vae, scheduler } = run.components;
    const controls = await facts.controlImages(options.image ?? undefined, options);
    const size = controls[0] === undefined ? facts.size() : sizeInPixels(controls[0], vae);
    checkSize(size.height, size.width, vaeScaleFactor(vae));
    const plan = facts.plan(size);
    const dims = latentDims(vae, count, size);
    return {
      latents: initialLatents(dims, noise, scheduler, options.latents),
      size,
      plan,
      controls,
    };
  },
};

/** From noise, as large as call or model say, whatever the size of the control image. */
export const fromControlledNoise: Start<
  LatentComponents,
  LatentOptions & NoiseStartOptions & ControlImageOption
> = {
  from: "noise",
  begin: (run, options, facts) =>
    fromNoise.begin(run, { ...options, ...facts.size(), image: options.controlImage }, facts),
};

/** From an image, noised as far as the first timestep says. */
export const fromImage: Start<
  LatentComponents,
  & LatentOptions
  & ImageStartOptions
  & Partial<ControlImageOption>
  & Pick<NoiseStartOptions, "latents">
> = {
  from: "image",
  async begin(run, options, { count, noise, ...facts }) {
    const { vae } = run.components;
    const given = await imagesOf(run, options, facts.controlled ? options : {});
    const size = sizeInPixels(options.latents ?? given, vae);
    checkSize(size.height, size.width, vaeScaleFactor(vae));
    const plan = facts.plan(size);
    const first = options.denoisingStart === undefined ? plan.timesteps[0] : undefined;
    const latents = options.latents ??
      await noisedImageLatents(run.components, given, count, noise, first);
    const controls = await facts.controlImages(options.controlImage, size);
    return { latents, size, plan, controls };
  },
};

/** Options of a call that begins with an image of any size, which is brought to that of the call. */
export interface ResizedImageStartOptions extends ImageStartOptions, NoiseStartOptions {}

/** The declarations of {@linkcode ResizedImageStartOptions}. */
export const resizedImageStartOptions: CallOptions<ResizedImageStartOptions> = {
  ...imageStartOptions,
  ...noiseStartOptions,
};

/** From an image, resized to what call or model say and noised as far as the first timestep says. */
export const fromResizedImage: Start<LatentComponents, LatentOptions & ResizedImageStartOptions> = {
  from: "image",
  async begin(run, options, { count, noise, ...facts }) {
    const size = facts.size();
    const plan = facts.plan(size);
    if (options.latents !== undefined) {
      return { latents: options.latents, size, plan, controls: [] };
    }
    const images = await imagesOf(run, options, size);
    const first = plan.timesteps[0]!;
    const latents = await noisedGivenImages(run.components, images, count, noise, first);
    return { latents, size, plan, controls: [] };
  },
};

/** How the models of a family inpaint. */
export interface InpaintingModels<C> {
  /** Whether the denoiser is given mask and masked image; see {@linkcode takesMask}. */
  readonly seesMask: (components: C) => boolean;
  /** Whether with ControlNets the image says the size, not call or model. */
  readonly sizedByImage?: boolean | undefined;
  /** Whether a run of all steps begins with the noised image too, not with noise alone. */
  readonly beginsWithImage?: boolean | undefined;
  /** Whether own latents are begun with as they are, beside noise that is drawn before the image is encoded. */
  readonly drawsBesideLatents?: boolean | undefined;
  /** Whether the image is encoded without noise. */
  readonly encodesMean?: boolean | undefined;
  /** Whether the mask is brought to the latents' size bilinearly, so that its edges are mixed. */
  readonly blendsMask?: boolean | undefined;
  /** Whether what is inpainted around the mask is not put back into the whole image. */
  readonly givesPart?: boolean | undefined;
}

/** Options that a start from an image and a mask reads. */
export type MaskStartCall = LatentOptions & MaskStartOptions & Partial<ControlImageOption>;

/** From an image, noised or replaced by noise, of which a mask lets a part change. */
export function fromMaskWith<C extends LatentComponents>(
  models: InpaintingModels<C>,
): Start<C, MaskStartCall> {
  const { seesMask, sizedByImage = false, givesPart } = models;
  const { beginsWithImage, drawsBesideLatents, encodesMean, blendsMask } = models;
  return {
    from: "mask",
    check: seesMask,
    async begin(run, options, { count, noise, controlled, ...facts }) {
      const { vae } = run.components;
      const { maskImage, controlImage, paddingMaskCrop, strength = 1 } = options;
      const codec = await run.images();
      const whole = controlled && sizedByImage ? await imagesOf(run, options, options) : undefined;
      const size = whole === undefined ? facts.size() : sizeInPixels(whole, vae);
      checkSize(size.height, size.width, vaeScaleFactor(vae));
      const plan = facts.plan(size);
      const cut = { ...size, shape: { ...size, ...definedSize(options) } };
      const crop = await cropToMask(codec, options, cut, options.outputType);
      const images = whole !== undefined && paddingMaskCrop === undefined
        ? whole
        : await imagesOf(run, crop, size);
      const cropped = controlImage &&
        await cropControlImages(codec, controlImage, { maskImage, paddingMaskCrop }, cut);
      const controls = await facts.controlImages(cropped, size);
      const inpainting = await inpaintLatents(
        run,
        {
          ...{ images, maskImage: crop.maskImage, size, count, strength },
          ...{ beginsWithImage, drawsBesideLatents, encodesMean, blendsMask },
          givenMask: seesMask(run.components),
          first: plan.timesteps[0]!,
          goesOn: options.denoisingStart !== undefined,
        },
        options,
        noise,
      );
      const begun = { ...inpainting, size, plan, controls };
      return givesPart ? begun : { ...begun, restore: crop.restore };
    },
  };
}

/** The components of a UNet that inpaints. */
export interface InpaintComponents extends LatentComponents {
  /** Of 4 channels, or of 9 with mask and masked image. */
  readonly unet: Denoiser<Pick<DenoiserConfig, "in_channels">>;
}

/** {@linkcode fromMaskWith} for UNets. */
export const fromMask: Start<InpaintComponents, MaskStartCall> = fromMaskWith<
  InpaintComponents
>({
  seesMask,
  sizedByImage: true,
});

/** The images of a call in that size or their own, float32 [N, 3, H, W] in -1..1, or latents. */
async function imagesOf(
  run: PipelineRun<LatentComponents>,
  { image }: { readonly image: ImagesInput },
  { height, width }: SizeOptions,
): Promise<Tensor> {
  const { vae } = run.components;
  const { channels: latentChannels } = latentSpace(vae);
  const multiple = vaeScaleFactor(vae);
  return await prepareImages(await run.images(), image, {
    height,
    width,
    multiple,
    latentChannels,
  });
}

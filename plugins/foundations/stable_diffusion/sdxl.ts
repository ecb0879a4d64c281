import { type CallOptions, type ImageSize, type RunOptions, runOptions } from "@denoise/core";
import {
  checkSize,
  type DenoisingRangeOptions,
  denoisingRangeOptions,
  type Family,
  type LatentOptions,
  planInpainting,
  planRun,
  sampleSize,
  type SizeOptions,
  type TimestepOptions,
  timestepOptions,
  vaeScaleFactor,
} from "@denoise/diffusion";
import type { UNetControl } from "./control_nets.ts";
import {
  conditionOnImages,
  type ImagePromptComponents,
  type ImagePromptOptions,
  imagePromptOptions,
} from "./image_prompt.ts";
import { alternatingTimeIds, pagFacts, type PagOptions, perturbedGuidance } from "./pag.ts";
import { predictByUNet } from "./unet.ts";
import type { StableDiffusionXLComponents, XlTextUNet } from "./xl_components.ts";
import { conditionOnReadText, type XlGuidanceOptions, type XlReader } from "./xl_conditioning.ts";
import {
  encodeXlPrompts,
  type XlEncoders,
  type XlPromptOptions,
  xlPromptOptions,
} from "./xl_prompt.ts";
import {
  imageTimeIds,
  textTimeIds,
  type XlAestheticOptions,
  xlAestheticOptions,
  type XlSizeOptions,
  xlSizeOptions,
} from "./xl_time_ids.ts";

/** Options that all calls of Stable Diffusion XL take. */
export interface SdxlOptions
  extends RunOptions, XlPromptOptions, ImagePromptOptions, XlSizeOptions {
  /** How closely the image follows the prompt. Defaults to 5; no guidance at 1 or below. */
  readonly guidanceScale?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. Defaults to 0. */
  readonly eta?: number | undefined;
}

/** The declarations of {@linkcode SdxlOptions}. */
export const sdxlOptions: CallOptions<SdxlOptions> = {
  ...runOptions,
  ...xlPromptOptions,
  ...imagePromptOptions,
  ...xlSizeOptions,
  guidanceScale: { type: "number" },
  eta: { type: "number" },
};

/** Options of calls that make images of text alone. */
export interface SdxlTextOptions
  extends SdxlOptions, TimestepOptions, Pick<DenoisingRangeOptions, "denoisingEnd"> {}

/** The declarations of {@linkcode SdxlTextOptions}. */
export const sdxlTextOptions: CallOptions<SdxlTextOptions> = {
  ...sdxlOptions,
  ...timestepOptions,
  denoisingEnd: denoisingRangeOptions.denoisingEnd,
};

/** Options of calls that change an image, which a refiner does too. */
export interface SdxlImageOptions
  extends SdxlOptions, XlAestheticOptions, TimestepOptions, DenoisingRangeOptions {
  /** How much contrast is given back after guidance, 0..1 (arXiv:2305.08891). Defaults to 0. */
  readonly guidanceRescale?: number | undefined;
}

/** The declarations of {@linkcode SdxlImageOptions}. */
export const sdxlImageOptions: CallOptions<SdxlImageOptions> = {
  ...sdxlOptions,
  ...xlAestheticOptions,
  ...timestepOptions,
  ...denoisingRangeOptions,
  guidanceRescale: { type: "number" },
};

/** The components that a family with XL's UNet reads, whatever reads its texts. */
export type XlModels =
  & Pick<StableDiffusionXLComponents, "vae" | "scheduler" | "featureExtractor">
  & { readonly unet: XlTextUNet }
  & Omit<ImagePromptComponents, "unet">;

/** The options that such a family reads. */
export type XlFamilyOptions<O extends XlGuidanceOptions> =
  & LatentOptions
  & O
  & ImagePromptOptions
  & XlSizeOptions
  & XlAestheticOptions
  & PagOptions;

/** The components that the family of Stable Diffusion XL reads. */
export type SdxlModels = XlModels & XlEncoders;

/** The family of Stable Diffusion XL. */
export type SdxlFamily = Family<SdxlModels, XlFamilyOptions<XlGuidanceOptions>, UNetControl>;

/** What diffusers does otherwise in some classes of Stable Diffusion XL. */
export interface SdxlQuirks {
  /** An embedded guidance scale is not given to the UNet. */
  readonly withoutTimestepCond?: boolean;
  /** A run from noise looks for its first timestep among the scheduler's, as one from an image does. */
  readonly withoutBeginIndex?: boolean;
  /** The negative text is conditioned on the crop of the text, whatever the call says. */
  readonly negativeCropsAsPositive?: boolean;
  /** Whatever is made of an image is told the sizes of text to image: by default those that call and model say. */
  readonly sizesAsOfText?: boolean;
}

/**
 * Stable Diffusion XL: two text encoders, and a UNet conditioned on sizes, crops and pooled text.
 * Podell et al., "SDXL: Improving Latent Diffusion Models for High-Resolution Image Synthesis"
 * (arXiv:2307.01952).
 */
export const sdxl: SdxlFamily = sdxlWith({});

/**
 * The size of the images in pixels, by default what the UNet was trained for.
 *
 * @throws {RangeError} when width or height is no multiple of 8.
 */
export function xlSize(
  { unet, vae }: Pick<XlModels, "unet" | "vae">,
  given: SizeOptions,
): ImageSize {
  const factor = vaeScaleFactor(vae);
  const [rows, columns] = sampleSize(unet.config.sample_size);
  const { height = rows * factor, width = columns * factor } = given;
  checkSize(height, width, Math.max(8, factor));
  return { height, width };
}

/** The same, with what diffusers does otherwise in some classes. */
export function sdxlWith(quirks: SdxlQuirks): SdxlFamily {
  return xlFamily("stable-diffusion-xl", encodeXlPrompts, quirks);
}

/** A family with XL's UNet whose texts something else reads. */
export function xlFamily<E, O extends XlGuidanceOptions>(
  name: string,
  read: XlReader<E, O>,
  quirks: SdxlQuirks,
): Family<XlModels & E, XlFamilyOptions<O>, UNetControl> {
  return {
    name,
    size: xlSize,
    plan({ scheduler }, options, _size, { from, controlled }) {
      if (from === "mask") return planInpainting(scheduler, options);
      const plan = planRun(scheduler, options);
      const setsBegin = from === "noise" && !controlled && !quirks.withoutBeginIndex;
      if (setsBegin) scheduler.setBeginIndex(0);
      return plan;
    },
    async encode(run, prompt, options, { from }) {
      const { signal, cropsCoordsTopLeft } = options;
      const text = await conditionOnReadText(run, prompt, options, read);
      const images = await conditionOnImages(run.components, options, text);
      const { count, guidance, guidanceScale, guidanceRescale } = text;
      const requiresScore = run.settings.requires_aesthetics_score === true;
      const sizes = quirks.negativeCropsAsPositive
        ? { ...options, negativeCropsCoordsTopLeft: cropsCoordsTopLeft }
        : options;
      return {
        count,
        facts: {
          guidanceScale,
          guidanceRescale,
          promptSyntax: options.promptSyntax,
          ...pagFacts(options),
        },
        denoiser(made) {
          const isText = from === "noise" || quirks.sizesAsOfText === true;
          const { height, width } = quirks.sizesAsOfText ? xlSize(run.components, options) : made;
          const ids = isText
            ? textTimeIds(sizes, [height, width])
            : imageTimeIds(sizes, [height, width], requiresScore);
          const added = text.conditioning(ids, isText ? "alternating" : "grouped");
          const pag = perturbedGuidance(options);
          const timestepCond = quirks.withoutTimestepCond ? undefined : added.timestepCond;
          return predictByUNet(
            run.components.unet,
            { ...added, timestepCond, ...images, signal },
            {
              ...{ guidance, guidanceScale, guidanceRescale },
              pag: pag && isText ? { ...pag, timeIds: alternatingTimeIds(ids, count) } : pag,
            },
          );
        },
      };
    },
  };
}

import { type CallOptions, type RunOptions, runOptions } from "@denoise/core";
import {
  type DenoisingRangeOptions,
  denoisingRangeOptions,
  type Family,
  type TimestepOptions,
  timestepOptions,
} from "@denoise/diffusion";
import {
  type ImagePromptOptions,
  imagePromptOptions,
  type UNetControl,
  xlFamily,
  type XlFamilyOptions,
  type XlModels,
  type XlSizeOptions,
  xlSizeOptions,
} from "@denoise/stable-diffusion";
import type { KolorsEncoders } from "./components.ts";
import { encodeKolorsPrompts, type KolorsPromptOptions, kolorsPromptOptions } from "./prompts.ts";

/** Options that all calls of Kolors take. */
export interface KolorsBaseOptions
  extends
    RunOptions,
    KolorsPromptOptions,
    ImagePromptOptions,
    XlSizeOptions,
    TimestepOptions,
    Pick<DenoisingRangeOptions, "denoisingEnd"> {
  /** How closely the image follows the prompt. Defaults to 5; no guidance at 1 or below. */
  readonly guidanceScale?: number | undefined;
  /** Noise on the way of DDIM, 0..1; other schedulers ignore it. Defaults to 0. */
  readonly eta?: number | undefined;
}

/** The declarations of {@linkcode KolorsBaseOptions}. */
export const kolorsBaseOptions: CallOptions<KolorsBaseOptions> = {
  ...runOptions,
  ...kolorsPromptOptions,
  ...imagePromptOptions,
  ...xlSizeOptions,
  ...timestepOptions,
  denoisingEnd: denoisingRangeOptions.denoisingEnd,
  guidanceScale: { type: "number" },
  eta: { type: "number" },
};

/** The family of Kolors. */
export type KolorsFamily = Family<
  XlModels & KolorsEncoders,
  XlFamilyOptions<KolorsPromptOptions & Pick<RunOptions, "signal">>,
  UNetControl
>;

/**
 * Kolors (Kolors team, 2024): the UNet of Stable Diffusion XL, with ChatGLM3 in the place of its text encoders. As in
 * diffusers it is told the size that call or model say, and not that of an image to change.
 */
export const kolors: KolorsFamily = xlFamily("kolors", encodeKolorsPrompts, {
  withoutBeginIndex: true,
  sizesAsOfText: true,
});

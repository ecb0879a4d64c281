import type { ComponentSpec, JsonObject, PipelineDefinition, Scheduler } from "@denoise/core";
import type { Autoencoder, TextEncoder, Tokenizer } from "@denoise/roles";
import {
  type AutoencoderConfig,
  checkSafety,
  checkSize,
  type ImageEncoder,
  type SafetyComponents,
  vaeScaleFactor,
} from "@denoise/diffusion";
import type { ConditionedUNet, TextUNet } from "./unet.ts";
import { modernScheduler, trainedSize } from "./legacy.ts";

/** What the Stable Diffusion 1.x and 2.x pipelines consist of. */
export interface StableDiffusionComponents extends SafetyComponents {
  /** AutoencoderKL. */
  readonly vae: Autoencoder<AutoencoderConfig>;
  /** CLIPTextModel. */
  readonly textEncoder: TextEncoder;
  /** CLIPTokenizer. */
  readonly tokenizer: Tokenizer;
  /** UNet2DConditionModel. */
  readonly unet: ConditionedUNet;
  /** Any scheduler for the trained noise. */
  readonly scheduler: Scheduler;
  /** Image encoder of an IP-Adapter. */
  readonly imageEncoder: ImageEncoder | null;
}

/** The definition of such a pipeline. */
export type StableDiffusionDefinition = PipelineDefinition<
  StableDiffusionComponents,
  unknown[],
  unknown
>;

/** What is checked and mended of a pipeline's components when it is put together. */
export function prepareStableDiffusion(
  components: SafetyComponents & { readonly scheduler: Scheduler },
  warn: (message: string) => void,
  { className, settings }: { readonly className: string; readonly settings: JsonObject },
): { readonly scheduler: Scheduler } {
  checkSafety(components, className, settings.requires_safety_checker === true, warn);
  return { scheduler: modernScheduler(components.scheduler, warn) };
}

/** The components, settings and mendings that the definitions of these pipelines share. */
export const stableDiffusion: {
  readonly components: { readonly [K in keyof StableDiffusionComponents]: ComponentSpec };
  readonly settings: { readonly requires_safety_checker: boolean };
  readonly prepare: NonNullable<StableDiffusionDefinition["prepare"]>;
} = {
  components: {
    vae: { kind: "model" },
    textEncoder: { kind: "model" },
    tokenizer: { kind: "tokenizer" },
    unet: { kind: "model" },
    scheduler: { kind: "scheduler" },
    safetyChecker: { kind: "model", optional: true },
    featureExtractor: { kind: "processor", optional: true },
    imageEncoder: { kind: "model", optional: true },
  },
  settings: { requires_safety_checker: true },
  prepare: prepareStableDiffusion,
};

/**
 * The size of the images in pixels; diffusers takes the trained size for both when one is
 * missing, here for that one.
 *
 * @throws {RangeError} when width or height is no multiple of 8.
 */
export function sdSize(
  { unet, vae }: { readonly unet: TextUNet; readonly vae: Autoencoder },
  options: { readonly height?: number | undefined; readonly width?: number | undefined },
): { readonly height: number; readonly width: number } {
  const factor = vaeScaleFactor(vae);
  const [rows, columns] = trainedSize(unet);
  const { height = rows * factor, width = columns * factor } = options;
  checkSize(height, width, Math.max(8, factor));
  return { height, width };
}

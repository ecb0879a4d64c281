/**
 * A second pass over the images of the first, made larger, so that their details are drawn at that size
 * (A1111's `enable_hr`).
 *
 * @module
 */
import { DenoiseError, type Image, type Registry, type Tensor } from "@denoise/core";
import type { AnyOutput, AnyPipeline } from "@denoise/loading";
import { resizeSpatial, vaeScaleFactor } from "@denoise/diffusion";
import type { JobInput, SecondPass } from "../contract/job.ts";
import type { ModelInfo } from "../contract/model_info.ts";
import type { ChosenScheduler } from "./loaded_model.ts";

/** What the first pass made: images, audio, or latents. */
export interface FirstResult extends Pick<AnyOutput, "images" | "audios" | "furtherImages"> {
  readonly tensor?: Tensor | undefined;
}

/** How latents are enlarged. */
const MODES = {
  latent: "bilinear",
  "latent-bicubic": "bicubic",
  "latent-nearest": "nearest",
} as const;

/** What the first pass is asked for. */
export function firstOutput({ upscaler }: SecondPass): "latent" | "image" {
  return upscaler in MODES ? "latent" : "image";
}

/** Steps that the second pass will take, about; one where not even the model says how many. */
export function plannedSteps({ steps, strength }: SecondPass, model: ModelInfo): number {
  const whole = steps ?? model.defaults?.["image-to-image"]?.steps ?? 1;
  return Math.max(1, Math.trunc(whole * strength));
}

/** What the second pass says otherwise than the first. */
export function overrides(
  { prompt, negativePrompt, steps, strength, width, height }: SecondPass,
): Partial<JobInput> {
  return { prompt, negativePrompt, steps, strength, width, height };
}

/** The scheduler of the second pass: its own, or that of the first. */
export function chosenFor(
  { scheduler, schedulerConfig }: SecondPass,
  input: JobInput,
): ChosenScheduler {
  return scheduler === undefined
    ? { scheduler: input.scheduler, schedulerConfig: input.schedulerConfig }
    : { scheduler, schedulerConfig };
}

/** The first pass's images or latents in the size of the second. */
export async function enlarge(
  { images, tensor }: FirstResult,
  { upscaler, width, height }: SecondPass,
  { components }: AnyPipeline,
  registry: Registry,
): Promise<Tensor | readonly Image[]> {
  if (upscaler in MODES) {
    const factor = vaeScaleFactor(components["vae"] as Parameters<typeof vaeScaleFactor>[0]);
    const mode = MODES[upscaler as keyof typeof MODES];
    return resizeSpatial(tensor!, height / factor, width / factor, mode);
  }
  const { editor } = await registry.images();
  if (editor === undefined) {
    throw new DenoiseError("unsupported_option", "Cannot enlarge images: the image plugin cannot");
  }
  const resample = upscaler as "lanczos" | "nearest";
  return images.map((image) => editor.resize(image, width, height, { resample }));
}

import type { Autoencoder, Denoiser, TextEncoder, Tokenizer } from "../model.ts";
import type { ComponentSpec, PipelineDefinition } from "../pipeline.ts";
import type { Scheduler } from "../scheduler.ts";
import { Tensor } from "../tensor.ts";
import { modernScheduler, trainedSize } from "./legacy.ts";
import { checkSafety, type SafetyComponents } from "./safety.ts";
import { checkSize } from "./size.ts";

/** What pipelines read of a UNet's config. */
export interface DenoiserConfig {
  /** Channels of the latents, and of what is given beside them. */
  readonly in_channels: number;
  /** Size of the latents that it was trained for. */
  readonly sample_size: number | readonly number[] | null;
  /** Width of the guidance scale's embedding in latent consistency models. */
  readonly time_cond_proj_dim: number | null;
}

/** What pipelines read of an autoencoder's config. */
export interface AutoencoderConfig {
  /** One for each level: the picture is halved between them. */
  readonly block_out_channels: readonly number[];
  /** Channels of the latents. */
  readonly latent_channels: number;
  /** What latents are multiplied with to have unit variance. */
  readonly scaling_factor: number;
  /** Mean of each channel of the latents, where they are normalised by it. */
  readonly latents_mean?: readonly number[] | null;
  /** Standard deviation of each channel of the latents. */
  readonly latents_std?: readonly number[] | null;
}

/** What the Stable Diffusion 1.x and 2.x pipelines consist of. */
export interface StableDiffusionComponents extends SafetyComponents {
  /** AutoencoderKL. */
  readonly vae: Autoencoder<AutoencoderConfig>;
  /** CLIPTextModel. */
  readonly textEncoder: TextEncoder;
  /** CLIPTokenizer. */
  readonly tokenizer: Tokenizer;
  /** UNet2DConditionModel. */
  readonly unet: Denoiser<DenoiserConfig>;
  /** Any scheduler for the trained noise. */
  readonly scheduler: Scheduler;
  /** Image encoder of an IP-Adapter. */
  readonly imageEncoder: unknown;
}

/** The definition of such a pipeline. */
export type StableDiffusionDefinition = PipelineDefinition<
  StableDiffusionComponents,
  unknown[],
  unknown
>;

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
  prepare(components, warn, { className, settings }) {
    checkSafety(components, className, settings.requires_safety_checker === true, warn);
    return { scheduler: modernScheduler(components.scheduler, warn) };
  },
};

/** How many pixels wide and high one latent is. */
export function vaeScaleFactor(vae: Autoencoder<AutoencoderConfig>): number {
  return 2 ** (vae.config.block_out_channels.length - 1);
}

/**
 * The size of the pictures in pixels; diffusers takes the trained size for both when one is
 * missing, here for that one.
 *
 * @throws {RangeError} when width or height is no multiple of 8.
 */
export function pictureSize(
  { unet, vae }: Pick<StableDiffusionComponents, "unet" | "vae">,
  options: { readonly height?: number | undefined; readonly width?: number | undefined },
): { readonly height: number; readonly width: number } {
  const factor = vaeScaleFactor(vae);
  const [rows, columns] = trainedSize(unet);
  const { height = rows * factor, width = columns * factor } = options;
  checkSize(height, width, Math.max(8, factor));
  return { height, width };
}

function latentStatistics(
  { config }: Autoencoder<AutoencoderConfig>,
): { readonly mean: Tensor; readonly std: Tensor } | undefined {
  const { latents_mean: mean, latents_std: std } = config;
  if (mean === undefined || mean === null || std === undefined || std === null) return undefined;
  const row = (values: readonly number[]) =>
    Tensor.from(Float32Array.from(values), [1, values.length, 1, 1]);
  return { mean: row(mean), std: row(std) };
}

/** Latents of the encoder as the denoiser knows them, of unit variance. */
export function scaleLatents(vae: Autoencoder<AutoencoderConfig>, latents: Tensor): Tensor {
  const { scaling_factor } = vae.config;
  const known = latentStatistics(vae);
  if (known === undefined) return latents.mul(scaling_factor);
  return latents.sub(known.mean).mul(scaling_factor).div(known.std);
}

/** Latents to pictures in about -1..1. */
export async function decodeLatents(
  vae: Autoencoder<AutoencoderConfig>,
  latents: Tensor,
): Promise<Tensor> {
  const { scaling_factor } = vae.config;
  const known = latentStatistics(vae);
  const own = known === undefined
    ? latents.div(scaling_factor)
    : latents.mul(known.std).div(scaling_factor).add(known.mean);
  return (await vae.decode(own)).sample;
}

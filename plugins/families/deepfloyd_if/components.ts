import type { ComponentSpec, ImageSize, JsonObject, PipelineFacts, Scheduler } from "@denoise/core";
import { checkSafety, type SafetyComponents, sampleSize } from "@denoise/diffusion";
import type { Denoiser, TokenEncoder, Tokenizer, Watermarker } from "@denoise/roles";

/** What pipelines read of the config of a UNet that denoises pixels. */
export interface PixelUNetConfig {
  /** Channels of the pixels, and of the small image beside them. */
  readonly in_channels: number;
  /** Sides of the images. */
  readonly sample_size: number | readonly number[] | null;
  /** One for each level: images are halved between them. */
  readonly block_out_channels: readonly number[];
  /** Whether it is given the noise level of a small image (`"timestep"`). */
  readonly class_embed_type: string | null;
}

/** What a stage of DeepFloyd IF consists of. */
export interface IFComponents extends SafetyComponents {
  /** T5Tokenizer; null with embeddings of one's own. */
  readonly tokenizer: Tokenizer | null;
  /** T5EncoderModel; null with embeddings of one's own. */
  readonly textEncoder: TokenEncoder | null;
  /** UNet2DConditionModel on pixels. */
  readonly unet: Denoiser<PixelUNetConfig>;
  /** DDPMScheduler, or another for the trained noise. */
  readonly scheduler: Scheduler;
  /** IFWatermarker, or null for images without a mark. */
  readonly watermarker: Watermarker | null;
}

/** What the pipelines that make a small image larger consist of. */
export interface IFSuperResolutionComponents extends IFComponents {
  /** DDPMScheduler that adds noise to the small image. */
  readonly imageNoisingScheduler: Scheduler;
}

/** What the definitions of all its pipelines share. */
export const ifStage: {
  readonly components: { readonly [K in keyof IFComponents]: ComponentSpec };
  readonly settings: { readonly requires_safety_checker: boolean };
  readonly prepare: (
    components: SafetyComponents,
    warn: (message: string) => void,
    about: PipelineFacts,
  ) => Record<never, never>;
  readonly defaultSize: (components: Pick<IFComponents, "unet">) => ImageSize;
} = {
  components: {
    tokenizer: { kind: "tokenizer", optional: true },
    textEncoder: { kind: "model", optional: true },
    unet: { kind: "model" },
    scheduler: { kind: "scheduler" },
    safetyChecker: { kind: "model", optional: true },
    featureExtractor: { kind: "processor", optional: true },
    watermarker: { kind: "model", optional: true },
  },
  settings: { requires_safety_checker: true } satisfies JsonObject,
  prepare(components, warn, { className, settings }) {
    checkSafety(components, className, settings.requires_safety_checker === true, warn, "IF");
    return {};
  },
  defaultSize: ({ unet }) => ifSize(unet),
};

/** What the definitions of the pipelines that make a small image larger share. */
export const ifSuperResolutionStage: typeof ifStage & {
  readonly components: { readonly [K in keyof IFSuperResolutionComponents]: ComponentSpec };
} = {
  ...ifStage,
  components: { ...ifStage.components, imageNoisingScheduler: { kind: "scheduler" } },
};

/** The size that a UNet was trained for. */
export function ifSize({ config }: IFComponents["unet"]): ImageSize {
  const [height, width] = sampleSize(config.sample_size);
  return { height, width };
}

import type { Model, Scheduler } from "@denoise/core";
import type { Autoencoder } from "./autoencoder.ts";
import type { ControlNet, MultiControlNet } from "./control_net.ts";
import type { Denoiser } from "./denoiser.ts";
import type { FeatureExtractor } from "./feature_extractor.ts";
import type { SafetyChecker } from "./safety_checker.ts";
import type { SpectrogramConverter } from "./spectrogram_converter.ts";
import type { TextEncoder } from "./text_encoder.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** The roles that pipelines of diffusers have; what the class at hand lacks is undefined. */
export type AnyComponents = {
  /** The denoiser of most pipelines. */
  unet: Denoiser;
  /** The denoiser of pipelines with a transformer. */
  transformer: Denoiser;
  /** Between images and latents. */
  vae: Autoencoder;
  /** The same, by the name of older pipelines. */
  vqvae: Autoencoder;
  /** The text encoder, or the first of several. */
  textEncoder: TextEncoder;
  /** The second text encoder. */
  textEncoder2: TextEncoder;
  /** Cuts text into ids for the first text encoder. */
  tokenizer: Tokenizer;
  /** Cuts text into ids for the second one. */
  tokenizer2: Tokenizer;
  /** The text encoder of LDMTextToImagePipeline. */
  bert: Model;
  /** The scheduler; another one can be put in its place. */
  scheduler: Scheduler;
  /** Adds noise to the small image of an upscaler. */
  lowResScheduler: Scheduler;
  /** A ControlNet, or several. */
  controlnet: ControlNet | MultiControlNet | readonly ControlNet[];
  /** Finds images that should not be shown, or null. */
  safetyChecker: SafetyChecker | null;
  /** Prepares images for a vision model, or null. */
  featureExtractor: FeatureExtractor | null;
  /** Encodes images for IP-Adapters, or null. */
  imageEncoder: Model | null;
  /** Sees how far away things are. */
  depthEstimator: Model;
  /** Turns audio into images and back. */
  mel: SpectrogramConverter;
};

import type { Json, Model, Scheduler } from "@denoise/core";
import type { Autoencoder } from "./autoencoder.ts";
import type { ControlNet, MultiControlNet } from "./control_net.ts";
import type { Denoiser } from "./denoiser.ts";
import type { FeatureExtractor } from "./feature_extractor.ts";
import type { Prior } from "./prior.ts";
import type { SafetyChecker } from "./safety_checker.ts";
import type { SpectrogramConverter } from "./spectrogram_converter.ts";
import type { T2IAdapterNet } from "./t2i_adapter.ts";
import type { TextEncoder, TokenEncoder } from "./text_encoder.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** A config of a class that is known only when it is loaded: `config.in_channels as number`. */
export type AnyConfig = { readonly [key: string]: Json | undefined };

/** The roles that pipelines of diffusers have; what the class at hand lacks is undefined. */
export type AnyComponents = {
  /** The denoiser of most pipelines. */
  unet: Denoiser<AnyConfig>;
  /** The denoiser of pipelines with a transformer. */
  transformer: Denoiser<AnyConfig>;
  /** Between images and latents. */
  vae: Autoencoder<AnyConfig>;
  /** The same, by the name of older pipelines. */
  vqvae: Autoencoder<AnyConfig>;
  /** The same in Kandinsky. */
  movq: Autoencoder<AnyConfig>;
  /** The text encoder, or the first of several. */
  textEncoder: TextEncoder<AnyConfig>;
  /** The second text encoder. */
  textEncoder2: TextEncoder<AnyConfig>;
  /** The third text encoder, or null. */
  textEncoder3: TokenEncoder<AnyConfig> | null;
  /** Cuts text into ids for the first text encoder. */
  tokenizer: Tokenizer;
  /** Cuts text into ids for the second one. */
  tokenizer2: Tokenizer;
  /** Cuts text into ids for the third one, or null. */
  tokenizer3: Tokenizer | null;
  /** The text encoder of LDMTextToImagePipeline. */
  bert: Model;
  /** The scheduler; another one can be put in its place. */
  scheduler: Scheduler<AnyConfig>;
  /** Adds noise to the small image of an upscaler. */
  lowResScheduler: Scheduler<AnyConfig>;
  /** A ControlNet, or several. */
  controlnet: ControlNet | MultiControlNet | readonly ControlNet[];
  /** A T2I-Adapter, or several. */
  adapter: T2IAdapterNet | MultiControlNet<T2IAdapterNet> | readonly T2IAdapterNet[];
  /** Finds images that should not be shown, or null. */
  safetyChecker: SafetyChecker | null;
  /** Prepares images for a vision model, or null. */
  featureExtractor: FeatureExtractor | null;
  /** Prepares images for the image encoder of a prior. */
  imageProcessor: FeatureExtractor;
  /** Predicts embeddings of images from a prompt. */
  prior: Prior;
  /** Turns spectrograms into audio. */
  vocoder: Model<AnyConfig>;
  /** Encodes images for IP-Adapters, or null. */
  imageEncoder: Model | null;
  /** Sees how far away things are. */
  depthEstimator: Model;
  /** Turns audio into images and back. */
  mel: SpectrogramConverter;
};

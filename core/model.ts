import type { FrozenConfig } from "./config.ts";
import type { Device, LoadOptions, TorchDtype } from "./loading.ts";
import type { SaveOptions } from "./saving.ts";
import type { SingleFileModelOptions } from "./single_file.ts";
import type { ImageInput } from "./media.ts";
import type { Bindable, PluginClass } from "./plugin.ts";
import type { GeneratorInput } from "./random.ts";
import type { Tensor } from "./tensor.ts";

/** A loaded model: a function of tensors with a frozen config. */
export interface Model<C extends object = object> {
  /** The diffusers or transformers class name. */
  readonly className: string;
  /** The library that has the class, as model_index.json names it. */
  readonly library: string;
  /** The options that shaped it; writing to it throws. */
  readonly config: FrozenConfig<C>;
  /** Where it computes. */
  readonly device: Device;
  /** The type its weights are held in. */
  readonly dtype: TorchDtype;
  /** How many numbers its checkpoint holds. */
  readonly numParameters: number;
  /**
   * Moves it to a device.
   *
   * @throws {DenoiseError} `runtime_unavailable` with what is missing on this machine.
   */
  to(device: Device): Promise<this>;
  /**
   * Writes config.json and the weights into a folder that diffusers can load.
   *
   * @throws {DenoiseError} `pickle_refused` for `safeSerialization: false`.
   */
  savePretrained(folder: string, options?: SaveOptions): Promise<void>;
  /** Gives its memory back; a later call loads it again. */
  dispose(): Promise<void>;
}

/** The class of a model. */
export interface ModelClass<M extends Model = Model>
  extends PluginClass<M>, Bindable<ModelClass<M>> {
  /** Tells the classes of models from those of other plugins. */
  readonly kind: "model";
  /**
   * Loads the model from a folder or a repo.
   *
   * @param id A folder, or a repo id such as `"google/ddpm-cat-256"`.
   */
  fromPretrained(
    id: string | URL,
    options?: LoadOptions & { readonly subfolder?: string },
  ): Promise<M>;
  /**
   * Loads the model from an original checkpoint, one .safetensors file of that model alone or of a
   * whole pipeline (`from_single_file`).
   *
   * @throws {DenoiseError} `missing_component` when the file has no such model, `unsupported_option` for
   *   a class that no original checkpoint has.
   */
  fromSingleFile(file: string | URL, options?: SingleFileModelOptions): Promise<M>;
}

/** What a denoiser is called with beside sample and timestep; each model takes what it knows. */
export interface DenoiserOptions {
  /** Text states, float32 [N, tokens, width]. */
  readonly encoderHiddenStates?: Tensor | undefined;
  /** 1 where a token of the text counts, 0 where not: [N, tokens]; all do by default. */
  readonly encoderAttentionMask?: Tensor | undefined;
  /**
   * The same where pixels look at each other, [N, height · width] of the levels that attend; in models
   * with SimpleCrossAttn levels it is one of the text's tokens, as UnCLIP gives it.
   */
  readonly attentionMask?: Tensor | undefined;
  /** Embedding of the guidance scale, float32 [N, width] (latent consistency models). */
  readonly timestepCond?: Tensor | undefined;
  /** Class of each sample, int64 [N], or float32 [N, width] for models that embed features. */
  readonly classLabels?: Tensor | undefined;
  /** Pooled text states, float32 [N, width] (SDXL). */
  readonly textEmbeds?: Tensor | undefined;
  /** Sizes and crops, float32 [N, 6] (SDXL). */
  readonly timeIds?: Tensor | undefined;
  /** Residuals of a ControlNet for each down block, float32. */
  readonly downBlockAdditionalResiduals?: readonly Tensor[] | undefined;
  /** Residual of a ControlNet for the middle block, float32. */
  readonly midBlockAdditionalResidual?: Tensor | undefined;
  /** Residuals of a T2I-Adapter, one for each level that takes one, then one of the middle, float32. */
  readonly downIntrablockAdditionalResiduals?: readonly Tensor[] | undefined;
  /** An image that controls, float32 [N, 3, 8h, 8w] in 0..1 (Kandinsky 2.2). */
  readonly hint?: Tensor | undefined;
  /**
   * Of the images of each IP-Adapter, float32 [N, images, width] or [N, images, patches, width]; of
   * models that are told of an image themselves (Kandinsky) that one's, float32 [N, width].
   */
  readonly imageEmbeds?: readonly Tensor[] | undefined;
  /** Cancels before the call starts. */
  readonly signal?: AbortSignal | undefined;
}

/** The role of a UNet or transformer: predicts noise, velocity or the clean sample. */
export interface Denoiser<C extends object = object, O extends object = DenoiserOptions>
  extends Model<C> {
  /**
   * One call of the network.
   *
   * @param sample float32 [N, C, H, W].
   * @param timestep One for all samples, or one for each.
   */
  forward(
    sample: Tensor,
    timestep: number | readonly number[],
    options?: O,
  ): Promise<{ sample: Tensor }>;
  /** What each IP-Adapter in use takes of an image: its vector, or the states of its patches. */
  imagePrompts?(): readonly ("embeds" | "states")[];
}

/** A Gaussian with diagonal covariance: what a variational encoder gives. */
export interface LatentDistribution {
  /** float32 [N, C, h, w]. */
  readonly mean: Tensor;
  /** float32 [N, C, h, w], clamped to -30..20. */
  readonly logvar: Tensor;
  /** One draw from it. */
  sample(generator?: GeneratorInput): Tensor;
  /** Its most likely value. */
  mode(): Tensor;
}

/** The role of an autoencoder between images and latents. */
export interface Autoencoder<C extends object = object> extends Model<C> {
  /** Images, float32 [N, 3, H, W] in -1..1, to a distribution of latents. */
  encode(sample: Tensor): Promise<{ latentDist: LatentDistribution }>;
  /** Latents (already divided by the scaling factor) to images, float32 in about -1..1. */
  decode(latents: Tensor): Promise<{ sample: Tensor }>;
}

/** The role of a text encoder. */
export interface TextEncoder<C extends object = object> extends Model<C> {
  /**
   * States of each token.
   *
   * @param inputIds int64 [N, tokens].
   */
  forward(inputIds: Tensor, options?: TextEncoderOptions): Promise<TextEncoderOutput>;
}

/** What a text encoder is asked for. */
export interface TextEncoderOptions {
  /** int64 [N, tokens], 1 where a token counts. */
  readonly attentionMask?: Tensor | undefined;
  /** Give the states before each layer and after the last one too. */
  readonly outputHiddenStates?: boolean | undefined;
  /** Leave out that many of the last layers before the final layer norm. */
  readonly clipSkip?: number | undefined;
}

/** What a text encoder gives. */
export interface TextEncoderOutput {
  /** float32 [N, tokens, width], after the final layer norm. */
  readonly lastHiddenState: Tensor;
  /** The state of the end-of-text token, float32 [N, width]. */
  readonly poolerOutput: Tensor;
  /** That state through the projection, for models that have one. */
  readonly textEmbeds?: Tensor | undefined;
  /** layers + 1 times float32 [N, tokens, width], without the final layer norm, if asked for. */
  readonly hiddenStates?: readonly Tensor[] | undefined;
}

/** How text becomes token ids. */
export interface TokenizeOptions {
  /** Fill up to `maxLength`, to the longest text, or not at all. */
  readonly padding?: "max_length" | "longest" | false | undefined;
  /** Tokens of a row, special ones included. Defaults to the model's limit. */
  readonly maxLength?: number | undefined;
  /** Cut what is longer than `maxLength`. */
  readonly truncation?: boolean | undefined;
}

/** The role of a tokenizer. */
export interface Tokenizer {
  /** The class by the name that model_index.json gives it. */
  readonly className: string;
  /** The library that has the class, as model_index.json names it. */
  readonly library: string;
  /** The longest row the text encoder takes. */
  readonly modelMaxLength: number;
  /** Texts to rows of ids. */
  encode(
    texts: string | readonly string[],
    options?: TokenizeOptions,
  ): { readonly inputIds: Tensor; readonly attentionMask: Tensor };
  /** Rows of ids back to texts. */
  batchDecode(ids: Tensor, options?: { readonly skipSpecialTokens?: boolean }): string[];
  /** Writes its files into a folder that transformers can load. */
  savePretrained(folder: string): Promise<void>;
}

/** The role of what prepares images for a vision model. */
export interface FeatureExtractor {
  /** The class by the name that model_index.json gives it. */
  readonly className: string;
  /** The library that has the class, as model_index.json names it. */
  readonly library: string;
  /** Images to float32 [N, 3, H, W], resized, cropped and normalised. */
  preprocess(images: readonly ImageInput[]): Promise<Tensor>;
  /** Writes preprocessor_config.json into a folder that transformers can load. */
  savePretrained(folder: string): Promise<void>;
}

/** The role of a model that finds images which should not be shown. */
export interface SafetyChecker<C extends object = object> extends Model<C> {
  /**
   * Whether each image has to be hidden.
   *
   * @param clipInput What the feature extractor made of the images, float32 [N, 3, H, W].
   */
  check(clipInput: Tensor): Promise<readonly boolean[]>;
}

/** The role of what turns audio into images of their frequencies, and back. */
export interface SpectrogramConverter {
  /** The class by the name that model_index.json gives it. */
  readonly className: string;
  /** The library that has the class, as model_index.json names it. */
  readonly library: string;
  /** Samples in a second. */
  readonly sampleRate: number;
  /** How many columns of an image a second takes. */
  readonly columnsPerSecond: number;
  /**
   * The image of a part of an audio clip: uint8 [frequencies, columns], the lowest frequency first.
   *
   * @param samples One channel, in -1..1.
   * @param slice Which part, counted from 0, each as long as an image is wide.
   * @throws {RangeError} when the audio has no such part.
   */
  toSpectrogram(samples: Float32Array, slice?: number): Tensor;
  /** An audio clip of one channel that has about that image, uint8 [frequencies, columns]. */
  toAudio(spectrogram: Tensor): Float32Array;
  /** Writes its options into a folder that diffusers can load. */
  savePretrained(folder: string): Promise<void>;
}

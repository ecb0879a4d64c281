import type { Model, Tensor } from "@denoise/core";

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
   * models conditioned on an image themselves (Kandinsky) that one's, float32 [N, width].
   */
  readonly imageEmbeds?: readonly Tensor[] | undefined;
  /** Of faces, for the IP-Adapters that take them: states of their patches, float32 [N, images, patches, width]. */
  readonly imageStates?: readonly (Tensor | undefined)[] | undefined;
  /** Where the images of each IP-Adapter count, float32 [1, images, H, W]; undefined for everywhere. */
  readonly imageMasks?: readonly (Tensor | undefined)[] | undefined;
  /** Rows in which self-attention is perturbed (PAG). */
  readonly perturbation?: Perturbation | undefined;
  /**
   * For each row of a batch the row at whose pixels its own look where pixels look at each other; at their own by
   * default (Text2Video-Zero).
   */
  readonly attendedRows?: readonly number[] | undefined;
  /** Objects at their places, for models with gated attention; without them it is left out. */
  readonly gligen?: Grounding | undefined;
  /** Cancels before the call starts. */
  readonly signal?: AbortSignal | undefined;
}

/** What a denoiser gives that tells what it attends to. */
export interface AttendedOutput {
  /** The prediction, float32 [N, C, H, W]. */
  readonly sample: Tensor;
  /**
   * How much attention each pixel in the middle receives from all of them in the first self-attention there, the mean
   * of the heads, float32 [N, h, w].
   */
  readonly middleAttention: Tensor;
}

/**
 * Objects that a call has at places of the image: Li et al., "GLIGEN: Open-Set Grounded Text-to-Image
 * Generation" (arXiv:2301.07093). Models of `attention_type` `"gated"` are given `positiveEmbeddings`, those of
 * `"gated-text-image"` the other four.
 */
export interface Grounding {
  /** Left, top, right and bottom of each, 0..1, float32 [N, objects, 4]. */
  readonly boxes: Tensor;
  /** 1 where there is an object, 0 where there is none, float32 [N, objects]. */
  readonly masks: Tensor;
  /** What each is, float32 [N, objects, width]. */
  readonly positiveEmbeddings?: Tensor | undefined;
  /** What each is by its phrase, float32 [N, objects, width]. */
  readonly phrasesEmbeddings?: Tensor | undefined;
  /** How much its phrase counts, float32 [N, objects]. */
  readonly phrasesMasks?: Tensor | undefined;
  /** What each is by its image, float32 [N, objects, width]. */
  readonly imageEmbeddings?: Tensor | undefined;
  /** How much its image counts, float32 [N, objects]. */
  readonly imageMasks?: Tensor | undefined;
}

/**
 * Rows of a call in which each pixel attends to itself alone in some self-attentions: Ahn et al.,
 * "Self-Rectifying Diffusion Sampling with Perturbed-Attention Guidance" (arXiv:2403.17377).
 */
export interface Perturbation {
  /** In which: regular expressions that the names of modules match, such as `"mid"`. */
  readonly layers: readonly string[];
  /** Whether a row is one of them, [N]. */
  readonly rows: readonly boolean[];
}

/** A model whose steps can be cached. */
export interface StepCached {
  /** Whether steps are cached. */
  readonly isCacheEnabled: boolean;
  /**
   * Caches steps: a `FirstBlockCacheConfig`, `MagCacheConfig`, `TaylorSeerCacheConfig`, `FasterCacheConfig` or
   * `PyramidAttentionBroadcastConfig`.
   *
   * @throws {DenoiseError} `unsupported_option` for a model without blocks that can be cached.
   */
  enableCache(config: object): Promise<void>;
  /** Computes each step whole again. */
  disableCache(): Promise<void>;
}

/** The role of a UNet or transformer: predicts noise, velocity or the clean sample. */
export interface Denoiser<C extends object = object, O extends object = DenoiserOptions>
  extends Model<C>, StepCached {
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
  /**
   * The same call, which also tells what it attends to; of UNets alone.
   *
   * @throws {DenoiseError} `unsupported_option` for one without self-attention in the middle.
   */
  forwardAttended?(
    sample: Tensor,
    timestep: number | readonly number[],
    options?: O,
  ): Promise<AttendedOutput>;
  /** What each IP-Adapter in use takes of an image: its vector, the states of its patches, of a face its own vector, or both. */
  imagePrompts?(): readonly ("embeds" | "states" | "face" | "face and states")[];
}

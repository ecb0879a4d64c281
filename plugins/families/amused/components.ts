import type { ComponentSpec, Model, Scheduler, Tensor } from "@denoise/core";
import type { TextEncoder, Tokenizer } from "@denoise/roles";

/** What pipelines read of a token denoiser's config. */
export interface TokenDenoiserConfig {
  /** Tokens of a side of what it was trained for. */
  readonly sample_size: number;
  /** Whether it halves the sides, which must then be even. */
  readonly downsample: boolean;
}

/** The role of a model that guesses masked tokens, as UVit2DModel plays it. */
export interface TokenDenoiser extends Model<TokenDenoiserConfig> {
  /**
   * Scores of all ids at each place, float32 [N, ids, h, w].
   *
   * @param inputIds int64 [N, h, w].
   */
  forward(inputIds: Tensor, options: {
    /** States of the text, float32 [N, text tokens, width]. */
    readonly encoderHiddenStates: Tensor;
    /** Pooled text, float32 [N, width]. */
    readonly pooledTextEmb: Tensor;
    /** Width, height, the crop's coordinates and the aesthetic score, float32 [N, 5]. */
    readonly microConds: Tensor;
    /** Cancels the call. */
    readonly signal?: AbortSignal | undefined;
  }): Promise<{ readonly logits: Tensor }>;
}

/** What pipelines read of the config of an autoencoder of tokens. */
export interface TokenAutoencoderConfig {
  /** One for each level: the image is halved between them. */
  readonly block_out_channels: readonly number[];
  /** Channels of the latents. */
  readonly latent_channels: number;
  /** Whether it decodes the numbers of the codebook's vectors. */
  readonly lookup_from_codebook: boolean;
}

/** The role of an autoencoder between images and tokens of a codebook, as VQModel plays it. */
export interface TokenAutoencoder extends Model<TokenAutoencoderConfig> {
  /** Images, float32 [N, 3, H, W], to latents. */
  encode(sample: Tensor): Promise<{ readonly latents: Tensor }>;
  /** Latents to the nearest tokens, int64 [N·h·w]. */
  quantize(latents: Tensor): Promise<{ readonly indices: Tensor }>;
  /** Tokens, int64 [N, h, w], to images; `shape` is [N, h, w, channels of the latents]. */
  decode(tokens: Tensor, options: {
    readonly forceNotQuantize: true;
    readonly shape: readonly [number, number, number, number];
  }): Promise<{ readonly sample: Tensor }>;
}

/** What aMUSEd consists of. */
export interface AmusedComponents {
  /** VQModel with `lookup_from_codebook`. */
  readonly vqvae: TokenAutoencoder;
  /** CLIPTokenizer. */
  readonly tokenizer: Tokenizer;
  /** CLIPTextModelWithProjection. */
  readonly textEncoder: TextEncoder;
  /** UVit2DModel. */
  readonly transformer: TokenDenoiser;
  /** AmusedScheduler. */
  readonly scheduler: Scheduler;
}

/** The components that the definitions of its pipelines share. */
export const amusedComponents: { readonly [K in keyof AmusedComponents]: ComponentSpec } = {
  vqvae: { kind: "model" },
  tokenizer: { kind: "tokenizer" },
  textEncoder: { kind: "model" },
  transformer: { kind: "model" },
  scheduler: { kind: "scheduler" },
};

/** How many pixels wide and high one token is. */
export function tokenFactor({ vqvae }: Pick<AmusedComponents, "vqvae">): number {
  return 2 ** (vqvae.config.block_out_channels.length - 1);
}

/** What the sides of an image must be multiples of. */
export function sideMultiple(parts: Pick<AmusedComponents, "vqvae" | "transformer">): number {
  return tokenFactor(parts) * (parts.transformer.config.downsample ? 2 : 1);
}

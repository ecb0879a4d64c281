import type { ComponentSpec, Scheduler, Tensor } from "@denoise/core";
import { oneTextEncoder } from "@denoise/diffusion";
import type {
  Autoencoder,
  Denoiser,
  ImagePatcher,
  LanguageModel,
  Tokenizer,
  Tokens,
  VisionLanguageModel,
} from "@denoise/roles";

/** What a transformer of the family is called with beside tokens and timestep. */
export interface LongCatImageDenoiserOptions {
  /** States of the text, float32 [N, text tokens, width]. */
  readonly encoderHiddenStates: Tensor;
  /** Coordinates of the images' tokens, float32 [tokens, 3]. */
  readonly imgIds: Tensor;
  /** Coordinates of the text's tokens, float32 [text tokens, 3]. */
  readonly txtIds: Tensor;
  /** Cancels before the call starts. */
  readonly signal?: AbortSignal | undefined;
}

/** The role of a tokenizer whose rows are put together of several texts. */
export interface RowTokenizer extends Tokenizer {
  /** Rows of ids filled up to a length. */
  pad(rows: readonly (readonly number[])[], options: { readonly maxLength: number }): Tokens;
}

/** What the LongCat-Image pipelines consist of. */
export interface LongCatImageComponents {
  /** FlowMatchEulerDiscreteScheduler, or another one of flows. */
  readonly scheduler: Scheduler;
  /** AutoencoderKL of 16 channels. */
  readonly vae: Autoencoder;
  /** Qwen2_5_VLForConditionalGeneration; null with embeddings of one's own. */
  readonly textEncoder: (LanguageModel & VisionLanguageModel) | null;
  /** Qwen2Tokenizer. */
  readonly tokenizer: RowTokenizer | null;
  /** Qwen2VLProcessor, for the image of an edit. */
  readonly textProcessor: ImagePatcher | null;
  /** LongCatImageTransformer2DModel. */
  readonly transformer: Denoiser<object, LongCatImageDenoiserOptions>;
}

/** The components that the definitions of these pipelines share. */
export const longCatImageComponents: {
  readonly components: { readonly [K in keyof LongCatImageComponents]: ComponentSpec };
} = {
  components: {
    ...oneTextEncoder.components,
    textProcessor: { kind: "processor", optional: true },
  },
};

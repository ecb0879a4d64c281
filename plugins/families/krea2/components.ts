import type { ComponentSpec, JsonObject, Scheduler } from "@denoise/core";
import { latentSpace, oneTextEncoder } from "@denoise/diffusion";
import type { Autoencoder, LanguageModel, Tokenizer } from "@denoise/roles";
import type { Krea2Denoiser } from "./transformer.ts";

/** What the Krea 2 pipelines consist of. */
export interface Krea2Components {
  /** FlowMatchEulerDiscreteScheduler, or another one of flows. */
  readonly scheduler: Scheduler;
  /** AutoencoderKLQwenImage. */
  readonly vae: Autoencoder;
  /** Qwen3VLModel; null with embeddings of one's own. */
  readonly textEncoder: LanguageModel | null;
  /** Qwen2Tokenizer. */
  readonly tokenizer: Tokenizer | null;
  /** Krea2Transformer2DModel. */
  readonly transformer: Krea2Denoiser;
}

/** What a repo's model_index.json says beside the components, with what it is where it does not. */
const settings = {
  /** Which hidden states of the text encoder the transformer is given: those of Qwen3-VL-4B. */
  text_encoder_select_layers: [2, 5, 8, 11, 14, 17, 20, 23, 26, 29, 32, 35],
  /** Whether the transformer is made for few steps, whose shift no size changes. */
  is_distilled: false,
  /** Latents of a side that are one token. */
  patch_size: 2,
};

/** Components and settings that the definitions of these pipelines share. */
export const krea2Components: {
  readonly components: { readonly [K in keyof Krea2Components]: ComponentSpec };
  readonly settings: JsonObject;
} = { ...oneTextEncoder, settings };

/**
 * Latents of a side that are one token of a transformer.
 *
 * @throws {RangeError} for a transformer whose tokens are no squares of the autoencoder's latents.
 */
export function patchOf(
  { transformer, vae }: Pick<Krea2Components, "transformer" | "vae">,
): number {
  const { in_channels } = transformer.config;
  const { channels } = latentSpace(vae);
  const patch = Math.sqrt(in_channels / channels);
  if (Number.isInteger(patch)) return patch;
  throw new RangeError(
    `Cannot pack latents of ${channels} channels into tokens of ${in_channels}, in_channels of the ` +
      "transformer: these must be as many for each latent of a square; load the autoencoder of the transformer's repo",
  );
}

/**
 * Which hidden states of the text encoder the transformer is given.
 *
 * @throws {RangeError} for others than the transformer has layers for.
 */
export function selectedLayers(
  { transformer }: Pick<Krea2Components, "transformer">,
  { text_encoder_select_layers: given }: JsonObject,
): readonly number[] {
  const layers = given === null ? settings.text_encoder_select_layers : given;
  const { num_text_layers: count } = transformer.config;
  if (Array.isArray(layers) && layers.length === count && layers.every(Number.isInteger)) {
    return layers as number[];
  }
  throw new RangeError(
    `Cannot read the prompt for a transformer with num_text_layers ${count}: text_encoder_select_layers of ` +
      `model_index.json is ${
        JSON.stringify(layers)
      }, but must be that many numbers of hidden states`,
  );
}

/** Refuses a repo whose patch_size is not what its transformer is given. */
export function checkPatch(components: Krea2Components, { patch_size }: JsonObject): void {
  const patch = patchOf(components);
  if (patch_size === patch) return;
  throw new RangeError(
    `Cannot pack latents: patch_size of model_index.json is ${
      JSON.stringify(patch_size)
    }, but a token of ` +
      `the transformer is ${patch}x${patch} latents`,
  );
}

import { type ConfigSchema, float, maybe, number, oneOf } from "@denoise/core";
import { checkImageCoder } from "@denoise/onnx/blocks";

/** Options of a VQModel, as they stand in config.json. */
export interface VQModelConfig {
  /** Channels of the image. */
  readonly in_channels: number;
  /** Channels of the decoded image. */
  readonly out_channels: number;
  /** Block of each level of the encoder, by its class name. */
  readonly down_block_types: readonly string[];
  /** Block of each level of the decoder, by its class name. */
  readonly up_block_types: readonly string[];
  /** Channels of each level, from the image's size down. */
  readonly block_out_channels: readonly number[];
  /** Residual blocks of a level of the encoder; one more in the decoder. */
  readonly layers_per_block: number;
  /** Activation, by its name in diffusers. */
  readonly act_fn: string;
  /** Channels between encoder and codebook. */
  readonly latent_channels: number;
  /** Height and width it was trained for. */
  readonly sample_size: number;
  /** How many vectors the codebook has. */
  readonly num_vq_embeddings: number;
  /** Groups of each normalisation. */
  readonly norm_num_groups: number;
  /** Width of the codebook's vectors, which latents have; `latent_channels` when null. */
  readonly vq_embed_dim: number | null;
  /** What latents are multiplied with to have unit variance. */
  readonly scaling_factor: number;
  /** Whether the decoder's normalisations are conditioned on the latents at each place (MoVQ). */
  readonly norm_type: "group" | "spatial";
  /** Whether the middle has attention. */
  readonly mid_block_add_attention: boolean;
  /** Whether what is not to be quantized holds rows of the codebook. */
  readonly lookup_from_codebook: boolean;
  /** Whether float16 overflows in it. */
  readonly force_upcast: boolean;
}

/** The options with the reference's defaults. */
export const schema: ConfigSchema<VQModelConfig> = {
  in_channels: 3,
  out_channels: 3,
  down_block_types: ["DownEncoderBlock2D"],
  up_block_types: ["UpDecoderBlock2D"],
  block_out_channels: [64],
  layers_per_block: 1,
  act_fn: "silu",
  latent_channels: 3,
  sample_size: 32,
  num_vq_embeddings: 256,
  norm_num_groups: 32,
  vq_embed_dim: maybe(number),
  scaling_factor: float(0.18215),
  norm_type: oneOf("group", "spatial"),
  mid_block_add_attention: true,
  lookup_from_codebook: false,
  force_upcast: false,
};

/** Refuses what cannot be built, before any weights are looked at. */
export function check(config: VQModelConfig): void {
  checkImageCoder("VQModel", config);
  if (config.norm_type === "group") return;
  const odd = config.block_out_channels.find((channels) => channels % 32 !== 0);
  if (odd !== undefined) {
    throw new RangeError(
      `Cannot build VQModel: block_out_channels has ${odd}, but norm_type "spatial" cuts channels ` +
        "into 32 groups; they must be multiples of 32",
    );
  }
  const { vq_embed_dim: width, latent_channels: channels } = config;
  if (width === null || width === channels) return;
  throw new RangeError(
    `Cannot build VQModel: vq_embed_dim is ${width} and latent_channels ${channels}, but norm_type ` +
      '"spatial" needs them equal',
  );
}

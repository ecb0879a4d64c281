/**
 * ConsistencyDecoderVAE: images to latents as AutoencoderKL does it, and back by two steps of a consistency model,
 * which knows fine structures better: text, faces, straight lines. The decoder of DALL·E 3 (Betker et al., 2023,
 * "Improving Image Generation with Better Captions", appendix C); Song et al., "Consistency Models"
 * (arXiv:2303.01469). Pipelines of Stable Diffusion take it as their `vae`.
 *
 * Decoding draws noise. Pipelines give it the generators of the call, so that a seed makes the same image;
 * diffusers does so in those of Stable Diffusion 1 and 2 and draws from torch's own elsewhere. Tiles are for the
 * encoder alone, as in diffusers: what is decoded is decoded as a whole.
 *
 * @example
 * ```ts ignore
 * import { ConsistencyDecoderVAE, StableDiffusionPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionPipeline.fromPretrained(
 *   "stable-diffusion-v1-5/stable-diffusion-v1-5",
 *   { vae: await ConsistencyDecoderVAE.fromPretrained("openai/consistency-decoder") },
 * );
 * const { images } = await pipe("horse", { seed: 0 });
 * await images[0].save("horse.png");
 * ```
 *
 * @module
 */
import { type FrozenConfig, type ModelClass, randnTensor, Tensor } from "@denoise/core";
import { type Autoencoder, diagonalGaussian } from "@denoise/roles";
import { defineModel, float32, type GraphDefinition, partitioned, timesteps } from "@denoise/onnx";
import { imageEncoder, todaysAttentionName, unet2d, type UNet2DConfig } from "@denoise/onnx/blocks";
import { concat, conv2d, slice, upsampleNearest } from "@denoise/onnx/nn";
import { check, type ConsistencyDecoderVAEConfig, schema } from "./config.ts";
import { decoderSteps } from "./steps.ts";

export type { ConsistencyDecoderVAEConfig };

/** A loaded ConsistencyDecoderVAE: `encode(images)` and `decode(latents, { generator })`. */
export interface ConsistencyDecoderVAE extends Autoencoder<ConsistencyDecoderVAEConfig> {}

type Config = FrozenConfig<ConsistencyDecoderVAEConfig>;

/** Channels of an image. */
const IMAGE = 3;

/** How many pixels wide and high one latent is. */
function factorOf({ encoder_block_out_channels: channels }: Config): number {
  return 2 ** (channels.length - 1);
}

/** Images to mean and log variance of the latents. */
const encode: GraphDefinition<ConsistencyDecoderVAEConfig> = {
  bands: 8, // as AutoencoderKL
  inputs: (config) => ({ sample: float32("batch", config.encoder_in_channels, "height", "width") }),
  build: (s, config, { sample }) => ({
    moments: conv2d(
      s.at("quant_conv"),
      imageEncoder(s.at("encoder"), sample!, {
        down_block_types: config.encoder_down_block_types,
        up_block_types: [],
        block_out_channels: config.encoder_block_out_channels,
        layers_per_block: config.encoder_layers_per_block,
        act_fn: config.encoder_act_fn,
        norm_num_groups: config.encoder_norm_num_groups,
        mid_block_add_attention: true,
      }),
    ),
  }),
};

/** A noisy image and normalized latents to what the image is made of. */
const decode: GraphDefinition<ConsistencyDecoderVAEConfig> = {
  bands: 8, // as AutoencoderKL
  inputs: (config) => ({
    sample: float32("batch", IMAGE, "height", "width"),
    latents: float32("batch", config.latent_channels, "rows", "columns"),
    timestep: timesteps(),
  }),
  build(s, config, { sample, latents, timestep }) {
    const large = upsampleNearest(s, latents!, factorOf(config)); // [N, 4, H, W]
    const seen = concat(s, [sample!, large], 1);
    const prediction = unet2d(s.at("decoder_unet"), unetConfig(config), {
      sample: seen,
      timestep: timestep!,
    });
    return { prediction: slice(s, prediction, 1, 0, IMAGE) };
  },
};

/** The decoder's UNet; what its options do not say is as UNet2DModel has it by default. */
function unetConfig(config: Config): UNet2DConfig {
  return {
    sample_size: null,
    in_channels: config.decoder_in_channels,
    out_channels: config.decoder_out_channels,
    center_input_sample: false,
    time_embedding_type: config.decoder_time_embedding_type,
    time_embedding_dim: null,
    freq_shift: 0,
    flip_sin_to_cos: true,
    down_block_types: config.decoder_down_block_types,
    mid_block_type: "UNetMidBlock2D",
    up_block_types: config.decoder_up_block_types,
    block_out_channels: config.decoder_block_out_channels,
    layers_per_block: config.decoder_layers_per_block,
    mid_block_scale_factor: 1,
    downsample_padding: config.decoder_downsample_padding,
    downsample_type: "conv",
    upsample_type: "conv",
    dropout: 0,
    act_fn: "silu",
    attention_head_dim: 8,
    norm_num_groups: config.decoder_norm_num_groups,
    attn_norm_num_groups: null,
    norm_eps: config.decoder_norm_eps,
    resnet_time_scale_shift: config.decoder_resnet_time_scale_shift,
    add_attention: config.decoder_add_attention,
    class_embed_type: null,
    num_class_embeds: null,
    num_train_timesteps: config.decoder_num_train_timesteps,
  };
}

/** Mean and standard deviation of each channel of Stable Diffusion's latents. */
const [MEANS, DEVIATIONS] = [
  [0.38862467, 0.02253063, 0.07381133, -0.0171294],
  [0.9654121, 1.0440036, 0.76147926, 0.77022034],
].map((values) => Tensor.from(Float32Array.from(values), [1, values.length, 1, 1])) as [
  Tensor,
  Tensor,
];

/** The class of consistency decoders; `ConsistencyDecoderVAE` of diffusers. */
export const ConsistencyDecoderVAE: ModelClass<ConsistencyDecoderVAE> = defineModel<
  ConsistencyDecoderVAEConfig,
  ConsistencyDecoderVAE
>({
  className: "ConsistencyDecoderVAE",
  schema,
  check,
  rename: todaysAttentionName,
  graphs: { encode, decode },
  methods(model) {
    const { config } = model;
    const factor = factorOf(config);
    const pixels = [config.sample_size].flat()[0] as number;
    const { partition, run } = partitioned(model);
    const moments = async (sample: Tensor) => (await model.run("encode", { sample })).moments!;
    return {
      ...partition,
      latentSpace: {
        channels: config.latent_channels,
        factor,
        normalize: (latents) => latents.mul(config.scaling_factor),
        denormalize: (latents) => latents.div(config.scaling_factor),
      },
      async encode(sample) {
        const sides = { from: pixels, to: Math.trunc(pixels / factor) };
        return { latentDist: diagonalGaussian(await run(sample, sides, moments)) };
      },
      async decode(given, { generator } = {}) {
        const latents = given.mul(config.scaling_factor).sub(MEANS).div(DEVIATIONS);
        const [count, , rows, columns] = given.dims as [number, number, number, number];
        const dims = [count, IMAGE, rows * factor, columns * factor];
        let sample = randnTensor(dims, generator).mul(decoderSteps[0]!.noise);
        for (const [i, step] of decoderSteps.entries()) {
          const { prediction } = await model.run("decode", {
            sample: sample.mul(step.input),
            latents,
            timestep: Tensor.full([count], step.timestep),
          });
          const image = prediction!.mul(step.out).add(sample.mul(step.skip));
          const next = decoderSteps[i + 1];
          sample = next === undefined
            ? image
            : image.mul(next.signal).add(randnTensor(dims, generator).mul(next.noise));
        }
        return { sample };
      },
    };
  },
});

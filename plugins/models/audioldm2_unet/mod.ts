/**
 * AudioLDM2UNet2DConditionModel: the denoiser of AudioLDM 2 (Liu et al., 2023, arXiv:2308.05734). A UNet each of whose
 * attentions is several transformers, one after another: one looks at the pixels alone, the others at the states
 * of the language model and of the text.
 *
 * Covered are DownBlock2D and CrossAttnDownBlock2D with their counterparts and masks of both states. Class
 * embeddings, which no such model has, are refused.
 *
 * @example
 * ```ts ignore
 * import { AudioLDM2UNet2DConditionModel, randn } from "@denoise/denoise";
 *
 * const unet = await AudioLDM2UNet2DConditionModel.fromPretrained("cvssp/audioldm2", { subfolder: "unet" });
 * const { sample } = await unet.forward(randn([1, 8, 256, 16]), 999, {
 *   encoderHiddenStates: randn([1, 8, 768]),
 *   encoderHiddenStates1: randn([1, 12, 1024]),
 * });
 * ```
 *
 * @module
 */
import { type Model, type ModelClass, Tensor } from "@denoise/core";
import { defineModel, float32, optional, timesteps } from "@denoise/onnx";
import { type AudioLDM2UNet2DConditionConfig, check, schema } from "./config.ts";
import { build } from "./graph.ts";

export type { AttentionWidths, AudioLDM2UNet2DConditionConfig } from "./config.ts";

/** What a call is given beside latents and time. */
export interface AudioLDM2UNetOptions {
  /** The first states, float32 [N, tokens, D]. */
  readonly encoderHiddenStates?: Tensor | undefined;
  /** The second states, float32 [N, tokens_1, D_1]; the first where they are left out. */
  readonly encoderHiddenStates1?: Tensor | undefined;
  /** 1 for the first states that count, [N, tokens]. Defaults to all. */
  readonly encoderAttentionMask?: Tensor | undefined;
  /** 1 for the second states that count, [N, tokens_1]. Defaults to all. */
  readonly encoderAttentionMask1?: Tensor | undefined;
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
}

/** A loaded AudioLDM2UNet2DConditionModel. */
export interface AudioLDM2UNet2DConditionModel extends Model<AudioLDM2UNet2DConditionConfig> {
  /**
   * One call of the network.
   *
   * @param sample float32 [N, C, H, W].
   * @param timestep One for all samples, or one for each.
   */
  forward(
    sample: Tensor,
    timestep: number | readonly number[],
    options?: AudioLDM2UNetOptions,
  ): Promise<{ sample: Tensor }>;
}

/** The denoiser of AudioLDM 2; `AudioLDM2UNet2DConditionModel` of diffusers. */
export const AudioLDM2UNet2DConditionModel: ModelClass<AudioLDM2UNet2DConditionModel> = defineModel<
  AudioLDM2UNet2DConditionConfig,
  AudioLDM2UNet2DConditionModel
>({
  className: "AudioLDM2UNet2DConditionModel",
  schema,
  check,
  graphs: {
    forward: {
      inputs: (config) => ({
        sample: float32("batch", config.in_channels, "height", "width"),
        timestep: timesteps(),
        encoder_hidden_states: optional(float32("batch", "tokens", "states_width")),
        encoder_hidden_states_1: optional(float32("batch", "tokens_1", "states_width_1")),
        encoder_attention_mask: optional(float32("batch", "tokens")),
        encoder_attention_mask_1: optional(float32("batch", "tokens_1")),
      }),
      build,
    },
  },
  methods: (model) => ({
    async forward(sample, timestep, options = {}) {
      const times = [timestep].flat();
      const rows = times.length === 1 ? Array(sample.dims[0]).fill(times[0]) : times;
      const result = await model.run("forward", {
        sample,
        timestep: Tensor.from(Float32Array.from(rows)),
        encoder_hidden_states: options.encoderHiddenStates,
        encoder_hidden_states_1: options.encoderHiddenStates1,
        encoder_attention_mask: options.encoderAttentionMask?.astype("float32"),
        encoder_attention_mask_1: options.encoderAttentionMask1?.astype("float32"),
      }, { signal: options.signal });
      return { sample: result.prediction! };
    },
  }),
});

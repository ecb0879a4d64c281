/**
 * ReduxImageEncoder: states of SigLIP as states of T5 for FLUX.1 (Black Forest Labs, 2024), by two linear
 * layers.
 *
 * @example
 * ```ts ignore
 * import { randn, ReduxImageEncoder } from "@denoise/denoise";
 *
 * const encoder = await ReduxImageEncoder.fromPretrained("black-forest-labs/FLUX.1-Redux-dev", {
 *   subfolder: "image_embedder",
 * });
 * const { imageEmbeds } = await encoder.forward(randn([1, 729, 1152])); // [1, 729, 4096]
 * ```
 *
 * @module
 */
import type { ConfigSchema, Model, ModelClass, Tensor } from "@denoise/core";
import { defineModel, float32 } from "@denoise/onnx";
import { linear, silu } from "@denoise/onnx/nn";

/** Options of a ReduxImageEncoder, as they stand in config.json. */
export interface ReduxImageEncoderConfig {
  /** Width of the states of images. */
  readonly redux_dim: number;
  /** Width of the states of texts. */
  readonly txt_in_features: number;
}

const schema: ConfigSchema<ReduxImageEncoderConfig> = { redux_dim: 1152, txt_in_features: 4096 };

/** A loaded ReduxImageEncoder. */
export interface ReduxImageEncoder extends Model<ReduxImageEncoderConfig> {
  /**
   * States of images as states of texts, float32 [N, patches, txt_in_features].
   *
   * @param states float32 [N, patches, redux_dim].
   */
  forward(states: Tensor): Promise<{ imageEmbeds: Tensor }>;
}

/** States of SigLIP as states of T5; `ReduxImageEncoder` of diffusers. */
export const ReduxImageEncoder: ModelClass<ReduxImageEncoder> = defineModel<
  ReduxImageEncoderConfig,
  ReduxImageEncoder
>({
  className: "ReduxImageEncoder",
  schema,
  graphs: {
    forward: {
      inputs: ({ redux_dim }) => ({ x: float32("batch", "patches", redux_dim) }),
      build: (s, _config, { x }) => ({
        image_embeds: linear(s.at("redux_down"), silu(s, linear(s.at("redux_up"), x!))),
      }),
    },
  },
  methods: (model) => ({
    async forward(states) {
      return { imageEmbeds: (await model.run("forward", { x: states })).image_embeds! };
    },
  }),
});

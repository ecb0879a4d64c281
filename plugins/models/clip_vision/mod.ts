/**
 * CLIPVisionModel and CLIPVisionModelWithProjection: what CLIP sees in an image. Radford et al.,
 * "Learning Transferable Visual Models From Natural Language Supervision" (arXiv:2103.00020); the
 * classes of transformers. They encode images for IP-Adapters and image variations.
 *
 * @example
 * ```ts ignore
 * import { CLIPVisionModelWithProjection, randn } from "@denoise/denoise";
 *
 * const encoder = await CLIPVisionModelWithProjection.fromPretrained("./image_encoder");
 * const { imageEmbeds } = await encoder.forward(randn([1, 3, 224, 224]));
 * ```
 *
 * @module
 */
import type { Model, ModelClass, Tensor } from "@denoise/core";
import { defineModel, float32, type GraphDefinition, nestedConfig } from "@denoise/onnx";
import { clipVision, type ClipVisionConfig, clipVisionSchema } from "@denoise/onnx/blocks";
import { linear } from "@denoise/onnx/nn";

/** Options of a CLIPVisionModel, as they stand in config.json. */
export type CLIPVisionConfig = ClipVisionConfig;

/** What a vision model gives. */
export interface CLIPVisionOutput {
  /** float32 [N, tokens, width], without a final normalization. */
  readonly lastHiddenState: Tensor;
  /** The normalized state of the class token, float32 [N, width]. */
  readonly poolerOutput: Tensor;
  /** That state through the projection, float32 [N, projection], for models that have one. */
  readonly imageEmbeds?: Tensor | undefined;
  /** layers + 1 times float32 [N, tokens, width], if asked for. */
  readonly hiddenStates?: readonly Tensor[] | undefined;
}

/** A loaded vision model of CLIP. */
export interface CLIPVisionModel extends Model<CLIPVisionConfig> {
  /**
   * States of an image.
   *
   * @param pixelValues float32 [N, 3, H, W], as CLIPImageProcessor makes them.
   */
  forward(
    pixelValues: Tensor,
    options?: { readonly outputHiddenStates?: boolean | undefined },
  ): Promise<CLIPVisionOutput>;
}

/** A loaded vision model of CLIP that gives `imageEmbeds` too. */
export type CLIPVisionModelWithProjection = CLIPVisionModel;

/** What CLIP sees; `CLIPVisionModel` of transformers. */
export const CLIPVisionModel: ModelClass<CLIPVisionModel> = visionModel("CLIPVisionModel", false);

/** What CLIP sees, in the space of texts; `CLIPVisionModelWithProjection` of transformers. */
export const CLIPVisionModelWithProjection: ModelClass<CLIPVisionModelWithProjection> = visionModel(
  "CLIPVisionModelWithProjection",
  true,
);

function forwardGraph(projected: boolean): GraphDefinition<CLIPVisionConfig> {
  return {
    inputs: ({ num_channels, image_size }) => ({
      pixel_values: float32("batch", num_channels, image_size, image_size),
    }),
    build(s, config, { pixel_values }) {
      const { states, pooled } = clipVision(s, pixel_values!, config);
      return {
        last_hidden_state: states.at(-1)!,
        pooler_output: pooled,
        ...(projected
          ? { image_embeds: linear(s.at("visual_projection"), pooled, { bias: false }) }
          : {}),
        ...Object.fromEntries(states.map((state, i) => [`hidden_state_${i}`, state])),
      };
    },
  };
}

function visionModel(className: string, projected: boolean): ModelClass<CLIPVisionModel> {
  return defineModel<CLIPVisionConfig, CLIPVisionModel>({
    className,
    library: "transformers",
    schema: clipVisionSchema,
    adapt: (config) => nestedConfig(config, "vision_config"),
    rename: (stored) => stored.replace(/^(vision_model\.)+/, ""),
    // a checkpoint of the whole of CLIP has the other tower too, and a vision model may have a projection
    ignore: [
      /embeddings\.position_ids$/,
      /^text_model\./,
      /^text_projection\./,
      /^logit_scale$/,
      ...(projected ? [] : [/^visual_projection\./]),
    ],
    graphs: { forward: forwardGraph(projected) },
    methods: (model) => ({
      async forward(pixelValues, { outputHiddenStates = false } = {}) {
        const count = outputHiddenStates ? model.config.num_hidden_layers + 1 : 0;
        const names = Array.from({ length: count }, (_, i) => `hidden_state_${i}`);
        const outputs = [
          "last_hidden_state",
          "pooler_output",
          ...(projected ? ["image_embeds"] : []),
          ...names,
        ];
        const result = await model.run("forward", { pixel_values: pixelValues }, { outputs });
        return {
          lastHiddenState: result.last_hidden_state!,
          poolerOutput: result.pooler_output!,
          imageEmbeds: result.image_embeds,
          hiddenStates: outputHiddenStates ? names.map((name) => result[name]!) : undefined,
        };
      },
    }),
  });
}

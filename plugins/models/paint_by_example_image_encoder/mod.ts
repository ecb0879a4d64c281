/**
 * PaintByExampleImageEncoder: what Paint by Example's UNet follows of an example image: CLIP's vector of it through
 * transformer blocks (PaintByExampleMapper) and a projection, and a learned vector that stands for no example. Yang et
 * al., "Paint by Example: Exemplar-based Image Editing with Diffusion Models" (arXiv:2211.13227), section 3.2.
 *
 * @example
 * ```ts ignore
 * import { PaintByExampleImageEncoder, randn } from "@denoise/denoise";
 *
 * const encoder = await PaintByExampleImageEncoder.fromPretrained(
 *   "Fantasy-Studio/Paint-by-Example",
 *   { subfolder: "image_encoder" },
 * );
 * const { states, unconditional } = await encoder.forward(randn([1, 3, 224, 224]));
 * ```
 *
 * @module
 */
import type { Model, ModelClass, Tensor } from "@denoise/core";
import { defineModel, float32, type GraphDefinition, nestedConfig } from "@denoise/onnx";
import {
  attentionLayer,
  clipVision,
  type ClipVisionConfig,
  clipVisionSchema,
  feedForward,
} from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import { add, layerNorm, linear, unsqueeze } from "@denoise/onnx/nn";

/** Options of a PaintByExampleImageEncoder, as they stand in config.json: those of CLIP's vision model. */
export type PaintByExampleImageEncoderConfig = ClipVisionConfig;

/** What the encoder gives. */
export interface PaintByExampleImageStates {
  /** Of each image one token, float32 [N, 1, projection_dim]. */
  readonly states: Tensor;
  /** The token that stands for no image, float32 [1, 1, projection_dim]. */
  readonly unconditional: Tensor;
}

/** A loaded PaintByExampleImageEncoder. */
export interface PaintByExampleImageEncoder extends Model<PaintByExampleImageEncoderConfig> {
  /**
   * What is followed of images.
   *
   * @param pixelValues float32 [N, 3, H, W], as CLIPImageProcessor makes them.
   */
  forward(
    pixelValues: Tensor,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<PaintByExampleImageStates>;
}

/** The token that stands for no image. */
const UNCONDITIONAL = "uncond_vector";

/** Blocks of the mapper for so many layers of CLIP. */
function mapperBlocks(layers: number): number {
  return Math.floor((layers + 1) / 5);
}

/** Self-attention and feed forward, each normalized before and added (`BasicTransformerBlock`). */
function mapperBlock(s: Scope, x: Value): Value {
  const normal = layerNorm(s.at("norm1"), x);
  const seen = add(s, x, attentionLayer(s.at("attn1"), normal, normal, { heads: 1 }));
  const fed = feedForward(s.at("ff"), layerNorm(s.at("norm3"), seen), { activation: "gelu" });
  return add(s, seen, fed);
}

const forward: GraphDefinition<PaintByExampleImageEncoderConfig> = {
  inputs: ({ num_channels, image_size }) => ({
    pixel_values: float32("batch", num_channels, image_size, image_size),
  }),
  build(s, config, { pixel_values }) {
    const { pooled } = clipVision(s.at("model"), pixel_values!, config);
    let x = unsqueeze(s, pooled, [1]); // [N, 1, width]
    for (let i = 0; i < mapperBlocks(config.num_hidden_layers); i++) {
      x = mapperBlock(s.at("mapper.blocks", i), x);
    }
    return { states: linear(s.at("proj_out"), layerNorm(s.at("final_layer_norm"), x)) };
  },
};

/** What is followed of an example image; `PaintByExampleImageEncoder` of diffusers. */
export const PaintByExampleImageEncoder: ModelClass<PaintByExampleImageEncoder> = defineModel<
  PaintByExampleImageEncoderConfig,
  PaintByExampleImageEncoder
>({
  className: "PaintByExampleImageEncoder",
  library: "paint_by_example",
  schema: clipVisionSchema,
  adapt: (config) => nestedConfig(config, "vision_config"),
  rename: (stored) => stored.replace(/^model\.(vision_model\.)+/, "model."),
  ignore: [/embeddings\.position_ids$/],
  constants: () => [UNCONDITIONAL],
  graphs: { forward },
  methods: (model, constants) => ({
    async forward(pixelValues, { signal } = {}) {
      const { states } = await model.run("forward", { pixel_values: pixelValues }, { signal });
      return { states: states!, unconditional: constants[UNCONDITIONAL]! };
    },
  }),
});

/**
 * DPTForDepthEstimation: how far away things in an image are, by a vision transformer whose
 * layers are fused from coarse to fine. Ranftl et al., "Vision Transformers for Dense Prediction"
 * (arXiv:2103.13413); the class of transformers. Plain, or hybrid with a BiT before the transformer.
 *
 * @example
 * ```ts ignore
 * import { DPTForDepthEstimation, DPTImageProcessor } from "@denoise/denoise";
 *
 * const processor = await DPTImageProcessor.fromPretrained("./dpt-hybrid-midas");
 * const model = await DPTForDepthEstimation.fromPretrained("./dpt-hybrid-midas");
 * const { predictedDepth } = await model.forward(await processor.preprocess(["cats.png"]));
 * ```
 *
 * @module
 */
import type { FrozenConfig, Model, ModelClass, Tensor } from "@denoise/core";
import { defineModel, float32 } from "@denoise/onnx";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  activation,
  add,
  concat,
  conv2d,
  convTranspose2d,
  expand,
  fromTokens,
  linear,
  relu,
  shapeOf,
  slice,
  squeeze,
  upsampleBilinear,
} from "@denoise/onnx/nn";
import { check, type DPTConfig, fusionBias, schema } from "./config.ts";
import { backbone, type Features, resizeBilinear } from "./vit.ts";

export type { DPTConfig };

/** A loaded DPTForDepthEstimation. */
export interface DPTForDepthEstimation extends Model<DPTConfig> {
  /**
   * Depth of each pixel.
   *
   * @param pixelValues float32 [N, 3, H, W], as DPTImageProcessor makes them.
   * @returns float32 [N, H, W], larger where things are near.
   */
  forward(pixelValues: Tensor): Promise<{ readonly predictedDepth: Tensor }>;
}

/** Sees depth; `DPTForDepthEstimation` of transformers. */
export const DPTForDepthEstimation: ModelClass<DPTForDepthEstimation> = defineModel<
  DPTConfig,
  DPTForDepthEstimation
>({
  className: "DPTForDepthEstimation",
  library: "transformers",
  schema,
  check,
  ignore: [/^dpt\.pooler\./, /^auxiliary_head\./],
  // the norm behind the last layer, and the shortcut of the first fusion, which has nothing to add
  idle: (config) => [
    ...["weight", "bias"].map((name) => `dpt.layernorm.${name}`),
    ...["convolution1", "convolution2"].flatMap((convolution) => {
      const path = `neck.fusion_stage.layers.0.residual_layer1.${convolution}`;
      return [`${path}.weight`, ...(fusionBias(config) ? [`${path}.bias`] : [])];
    }),
  ],
  graphs: {
    forward: {
      inputs: ({ num_channels, image_size, is_hybrid }) => ({
        pixel_values: is_hybrid
          ? float32("batch", num_channels, image_size, image_size)
          : float32("batch", num_channels, "height", "width"),
      }),
      build(s, config, { pixel_values }) {
        const features = backbone(s.at("dpt"), pixel_values!, config);
        const fused = neck(s.at("neck"), features, config);
        return { predicted_depth: head(s.at("head"), fused.at(config.head_in_index)!, config) };
      },
    },
  },
  methods: (model) => ({
    async forward(pixelValues) {
      const { predicted_depth } = await model.run("forward", { pixel_values: pixelValues });
      return { predictedDepth: predicted_depth! };
    },
  }),
});

type Config = FrozenConfig<DPTConfig>;

/** Tokens as an image again, with what the class token knows (`DPTReassembleStage`). */
function reassemble(s: Scope, i: number, tokens: Value, patches: Value, config: Config): Value {
  const count = Number.MAX_SAFE_INTEGER;
  const first = slice(s, tokens, 1, 0, 1); // [N, 1, width]
  let x = slice(s, tokens, 1, 1, count); // [N, H·W, width]
  if (config.readout_type === "add") x = add(s, x, first);
  if (config.readout_type === "project") {
    const both = concat(s, [x, expand(s, first, shapeOf(s, x))], 2);
    x = activation(s, linear(s.at("readout_projects", i, "0"), both), config.hidden_act);
  }
  const layer = s.at("layers", i);
  const image = conv2d(layer.at("projection"), fromTokens(s, x, patches)); // [N, C, H, W]
  const factor = config.reassemble_factors[i]!;
  if (factor > 1) return convTranspose2d(layer.at("resize"), image, { stride: factor });
  if (factor === 1) return image;
  return conv2d(layer.at("resize"), image, { stride: Math.trunc(1 / factor), padding: 1 });
}

/** `DPTPreActResidualLayer`. */
function residual(s: Scope, x: Value, bias: boolean): Value {
  const h = conv2d(s.at("convolution1"), relu(s, x), { padding: 1, bias });
  return add(s, conv2d(s.at("convolution2"), relu(s, h), { padding: 1, bias }), x);
}

/** The states as images of one width, fused from coarse to fine; each is twice as large. */
function neck(s: Scope, { states, patches }: Features, config: Config): Value[] {
  const stage = s.at("reassemble_stage");
  const images = states.map((state, i) => {
    const isImage = config.is_hybrid && i < 2;
    const image = isImage ? state : reassemble(stage, i, state, patches, config);
    return conv2d(s.at("convs", i), image, { padding: 1, bias: false });
  });
  const bias = fusionBias(config);
  let fused: Value | undefined;
  return images.reverse().map((image, i) => {
    const layer = s.at("fusion_stage.layers", i);
    let x = image;
    if (fused !== undefined) {
      const sizes = concat(s, [shapeOf(s, image, 0, 2), shapeOf(s, fused, 2, 4)], 0);
      const resized = resizeBilinear(s, image, sizes);
      x = add(s, fused, residual(layer.at("residual_layer1"), resized, bias));
    }
    x = residual(layer.at("residual_layer2"), x, bias);
    const large = upsampleBilinear(s, x, { factor: 2, alignCorners: true }); // [N, C, 2H, 2W]
    fused = conv2d(layer.at("projection"), large);
    return fused;
  });
}

/** `DPTDepthEstimationHead`: features to depth, twice as large. */
function head(s: Scope, features: Value, config: Config): Value {
  const projected = config.add_projection
    ? relu(s, conv2d(s.at("projection"), features, { padding: 1 }))
    : features;
  let x = conv2d(s.at("head.0"), projected, { padding: 1 });
  x = upsampleBilinear(s, x, { factor: 2, alignCorners: true });
  x = relu(s, conv2d(s.at("head.2"), x, { padding: 1 }));
  x = relu(s, conv2d(s.at("head.4"), x)); // [N, 1, H, W]
  return squeeze(s, x, [1]);
}

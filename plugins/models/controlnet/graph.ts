import type { FrozenConfig } from "@denoise/core";
import { float32, type GraphDefinition } from "@denoise/onnx";
import {
  conditioning,
  controlEmbedding,
  controlledUNet,
  type ControlNetConfig,
  controlNetPorts,
  controlNetResiduals,
} from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import { add, chunk, concat, conv2d } from "@denoise/onnx/nn";

type Config = FrozenConfig<ControlNetConfig>;

/** The image that controls, its channels in the order that the embedding was trained with. */
function controlInput(s: Scope, image: Value, config: Config): Value {
  if (config.controlnet_conditioning_channel_order !== "bgr") return image;
  return concat(s, chunk(s, image, 3, 1).reverse(), 1);
}

/** Latents, time, text and an image to the residuals of a UNet, each times its scale. */
export const forward: GraphDefinition<ControlNetConfig> = {
  inputs: (config) => ({
    ...controlNetPorts(config),
    controlnet_cond: float32("batch", config.conditioning_channels, "rows", "columns"),
  }),
  build(s, config, inputs) {
    const { sample, controlnet_cond } = inputs;
    const temb = conditioning(s, controlledUNet(config), inputs);
    const control = controlEmbedding(
      s.at("controlnet_cond_embedding"),
      controlInput(s, controlnet_cond!, config),
      config.conditioning_embedding_out_channels.length,
    );
    const x = add(s, conv2d(s.at("conv_in"), sample!, { padding: 1 }), control); // [N, C, h, w]
    return controlNetResiduals(s, config, x, temb, inputs);
  },
};

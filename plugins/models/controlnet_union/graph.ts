import type { FrozenConfig } from "@denoise/core";
import { float32, type GraphDefinition, int64, optional, type Port } from "@denoise/onnx";
import {
  conditioning,
  controlEmbedding,
  controlledUNet,
  controlNetPorts,
  controlNetResiduals,
  joinedAttention,
  timestepEmbedding,
} from "@denoise/onnx/blocks";
import type { Scope, Value } from "@denoise/onnx/graph";
import {
  add,
  concat,
  conv2d,
  layerNorm,
  linear,
  mean,
  moreSizes,
  mul,
  quickGelu,
  reshape,
  shapeOf,
  sinusoidalEmbedding,
  slice,
  squeeze,
  transpose,
  unsqueeze,
} from "@denoise/onnx/nn";
import type { ControlNetUnionConfig } from "./config.ts";

type Config = FrozenConfig<ControlNetUnionConfig>;

/** The image of number `i` among those of a call. */
export function imageInput(i: number): string {
  return `controlnet_cond_${i}`;
}

/** One image for each kind at most; the first is always there. */
function images(config: Config): Record<string, Port> {
  const ports = Array.from({ length: config.num_control_type }, (_, i) => {
    const port = float32("batch", config.conditioning_channels, "rows", "columns");
    return [imageInput(i), i === 0 ? port : optional(port)] as const;
  });
  return Object.fromEntries(ports);
}

/** Which kinds take part, embedded as a timestep is: [N, E]. */
function kindEmbedding(s: Scope, config: Config, kinds: Value): Value {
  const waves = sinusoidalEmbedding(s.at("control_type_proj"), reshape(s, kinds, [-1]), {
    width: config.addition_time_embed_dim!,
    flipSinToCos: config.flip_sin_to_cos,
    downscaleFreqShift: config.freq_shift,
  }); // [N·kinds, width]
  const rows = moreSizes(s, shapeOf(s, kinds, 0, 1), { after: [-1] });
  return timestepEmbedding(s.at("control_add_embedding"), s.op("Reshape", [waves, rows]));
}

/**
 * A layer in which images and latents are to look at each other. As in diffusers the samples of the batch
 * do instead, for each image by itself, since torch takes the first axis for that of the sequence.
 *
 * @param x [N, images + 1, C].
 */
function fuser(s: Scope, x: Value, width: number, heads: number): Value {
  const swapped = (value: Value) => transpose(s, value, [1, 0, 2]);
  const rows = swapped(layerNorm(s.at("ln_1"), x, { eps: 1e-5 }));
  const inputs = { query: rows, key: rows, value: rows };
  const attended = add(s, x, swapped(joinedAttention(s.at("attn"), inputs, { width, heads })));
  const mlp = s.at("mlp");
  const hidden = quickGelu(
    s,
    linear(mlp.at("c_fc"), layerNorm(s.at("ln_2"), attended, { eps: 1e-5 })),
  );
  return add(s, attended, linear(mlp.at("c_proj"), hidden));
}

/** The mean of each channel, [N, 1, C]. */
function glance(s: Scope, x: Value): Value {
  return unsqueeze(s, squeeze(s, mean(s, x, [2, 3]), [2, 3]), [1]);
}

/** Latents, time, text and images of several kinds to the residuals of a UNet, each times its scale. */
export const forward: GraphDefinition<ControlNetUnionConfig> = {
  inputs: (config) => ({
    ...controlNetPorts(config),
    ...images(config),
    control_type: { ...float32("batch", config.num_control_type), exact: true },
    control_type_idx: int64("images"),
    image_scales: float32("images"),
  }),
  build(s, config, inputs) {
    const { num_trans_channel: width, num_trans_head: heads, num_trans_layer: layers } = config;
    const temb = conditioning(
      s,
      controlledUNet(config),
      inputs,
      kindEmbedding(s, config, inputs.control_type!),
    );
    const sample = conv2d(s.at("conv_in"), inputs.sample!, { padding: 1 }); // [N, C, h, w]

    // each image as wide as the latents, and what there is to see at a glance
    const tasks = s.rows("task_embedding", inputs.control_type_idx!); // [images, C]
    const scaleOf = (i: number) => slice(s, inputs.image_scales!, 0, i, i + 1); // [1]
    const given = Array.from({ length: config.num_control_type }, (_, i) => inputs[imageInput(i)])
      .filter((image) => image !== undefined);
    const conditions = given.map((image, i) => {
      const levels = config.conditioning_embedding_out_channels.length;
      const condition = controlEmbedding(s.at("controlnet_cond_embedding"), image, levels);
      const seen = add(s, glance(s, condition), slice(s, tasks, 0, i, i + 1)); // [N, 1, C]
      return { seen: mul(s, seen, scaleOf(i)), condition: mul(s, condition, scaleOf(i)) };
    });

    // what they add to the latents
    let x = concat(s, [...conditions.map(({ seen }) => seen), glance(s, sample)], 1);
    for (let i = 0; i < layers; i++) x = fuser(s.at("transformer_layes", i), x, width, heads);
    const fused = conditions.reduce((sum, { condition }, i) => {
      const alpha = linear(s.at("spatial_ch_projs"), squeeze(s, slice(s, x, 1, i, i + 1), [1]));
      const shift = mul(s, unsqueeze(s, alpha, [2, 3]), scaleOf(i)); // [N, C, 1, 1]
      return add(s, sum, add(s, condition, shift));
    }, sample);
    return controlNetResiduals(s, config, fused, temb, inputs);
  },
};

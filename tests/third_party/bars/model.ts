import type { Model, ModelClass, Tensor } from "@denoise/core";
import { defineModel, float32 } from "@denoise/onnx";
import { add, conv2d } from "@denoise/onnx/nn";

/** Options of {@linkcode BarsModel}. */
export interface BarsConfig {
  /** Channels of the images. */
  readonly channels: number;
}

/** A loaded BarsModel. */
export interface BarsModel extends Model<BarsConfig> {
  /** What a sample [N, C, H, W] is to become, given the colours that are wanted, [N, C, 1, W]. */
  forward(sample: Tensor, colours: Tensor): Promise<Tensor>;
}

/** One convolution, and the colours that are wanted. */
export const BarsModel: ModelClass<BarsModel> = defineModel<BarsConfig, BarsModel>({
  className: "BarsModel",
  schema: { channels: 3 },
  graphs: {
    forward: {
      inputs: ({ channels }) => ({
        sample: float32("batch", channels, "height", "width"),
        colours: float32("batch", channels, 1, "width"),
      }),
      build: (s, _config, { sample, colours }) => ({
        result: add(s, conv2d(s.at("conv"), sample!, { padding: 1 }), colours!),
      }),
    },
  },
  methods: (model) => ({
    forward: async (sample, colours) =>
      (await model.run("forward", { sample, colours }))["result"]!,
  }),
});

/**
 * ControlNetModel: a copy of a UNet's down blocks that reads an image (edges, a pose, a depth map) and
 * adds to what the UNet hands from its down blocks to its up blocks. Zhang, Rao and Agrawala, "Adding
 * Conditional Control to Text-to-Image Diffusion Models" (arXiv:2302.05543).
 *
 * Covered are ControlNets of Stable Diffusion 1.x, 2.x and XL: every block that UNet2DConditionModel
 * has, class embeddings, sizes and crops, `global_pool_conditions`, `guessMode`, BGR images. Text
 * states are not projected (`encoder_hid_dim`): a config that asks for it is refused.
 *
 * @example
 * ```ts ignore
 * import { ControlNetModel, StableDiffusionControlNetPipeline } from "@denoise/denoise";
 *
 * const controlnet = await ControlNetModel.fromPretrained("lllyasviel/sd-controlnet-canny");
 * const pipe = await StableDiffusionControlNetPipeline.fromPretrained(
 *   "stable-diffusion-v1-5/stable-diffusion-v1-5",
 *   { controlnet },
 * );
 * ```
 *
 * @module
 */
import { type ModelClass, Tensor } from "@denoise/core";
import {
  type ControlNet,
  type MultiControlNet,
  type MultiNetClass,
  multiNetClass,
} from "@denoise/roles";
import { defineModel, timestepTensor } from "@denoise/onnx";
import {
  checkControlNet,
  type ControlNetConfig,
  controlNetOptions,
  namedResiduals,
  residualScales,
} from "@denoise/onnx/blocks";
import { forward } from "./graph.ts";

export type { ControlNetConfig };

/** A loaded ControlNetModel. */
export type ControlNetModel = ControlNet<ControlNetConfig>;

/** The class of networks that control a UNet; `ControlNetModel` of diffusers. */
export const ControlNetModel: ModelClass<ControlNetModel> = defineModel<
  ControlNetConfig,
  ControlNetModel
>({
  className: "ControlNetModel",
  schema: controlNetOptions,
  check: (config) => checkControlNet("ControlNetModel", config),
  graphs: { forward },
  methods: (model) => ({
    async forward(sample, timestep, options) {
      const { conditioningScale = 1, guessMode = false } = options;
      const result = await model.run("forward", {
        sample,
        timestep: timestepTensor(timestep, sample.dims[0]!),
        encoder_hidden_states: options.encoderHiddenStates,
        controlnet_cond: options.controlnetCond,
        scales: Tensor.from(residualScales(model.config, conditioningScale, guessMode)),
        class_labels: options.classLabels,
        text_embeds: options.textEmbeds,
        time_ids: options.timeIds,
      }, { signal: options.signal, onDevice: true }); // the UNet takes them from there
      return namedResiduals(model.config, result);
    },
  }),
});

/** Several ControlNets whose residuals are added; `MultiControlNetModel` of diffusers. */
export type MultiControlNetModel = MultiControlNet;

/** Loads the ControlNets that lie in `controlnet`, `controlnet_1`, ... beside each other. */
export const MultiControlNetModel: MultiNetClass<ControlNet> = multiNetClass(
  "MultiControlNetModel",
  ControlNetModel,
);

/**
 * ControlNetUnionModel: a ControlNet that is given images of several kinds at once (pose, depth, edges,
 * lines, normals, segments, tiles, inpainting); `controlMode` says which kind each is. After Zhang,
 * Rao and Agrawala (arXiv:2302.05543); the weights are xinsir/controlnet-union-sdxl-1.0.
 *
 * As in diffusers, images are weighed by samples of one batch looking at each other, so that an image depends
 * a little on those that are made with it.
 *
 * @example
 * ```ts ignore
 * import { ControlNetUnionModel, StableDiffusionXLControlNetUnionPipeline } from "@denoise/denoise";
 *
 * const controlnet = await ControlNetUnionModel.fromPretrained("xinsir/controlnet-union-sdxl-1.0");
 * const pipe = await StableDiffusionXLControlNetUnionPipeline.fromPretrained(
 *   "stabilityai/stable-diffusion-xl-base-1.0",
 *   { controlnet },
 * );
 * ```
 *
 * @module
 */
import { type ModelClass, Tensor } from "@denoise/core";
import {
  type ControlNetUnion,
  type ControlNetUnionOptions,
  type MultiControlNet,
  type MultiNetClass,
  multiNetClass,
} from "@denoise/roles";
import { defineModel, timestepTensor } from "@denoise/onnx";
import { namedResiduals, residualScales } from "@denoise/onnx/blocks";
import { check, type ControlNetUnionConfig, schema } from "./config.ts";
import { forward, imageInput } from "./graph.ts";

export type { ControlNetUnionConfig };

/** A loaded ControlNetUnionModel. */
export type ControlNetUnionModel = ControlNetUnion<ControlNetUnionConfig>;

/** The class of networks that control a UNet by images of several kinds; of diffusers. */
export const ControlNetUnionModel: ModelClass<ControlNetUnionModel> = defineModel<
  ControlNetUnionConfig,
  ControlNetUnionModel
>({
  className: "ControlNetUnionModel",
  schema,
  check,
  graphs: { forward },
  methods: (model) => ({
    async forward(sample, timestep, options) {
      const { config } = model;
      const { controlnetCond: images, controlMode: modes, guessMode = false } = options;
      checkKinds(config, options);
      const { conditioningScale: scale = 1 } = options;
      const scales = typeof scale === "number" ? images.map(() => scale) : scale;
      const isAlone = images.length === 1; // then the residuals are scaled, else the images
      const rows = sample.dims[0]!;
      const kinds = Array.from(
        { length: config.num_control_type },
        (_, kind) => modes.includes(kind) ? 1 : 0,
      );
      const result = await model.run("forward", {
        sample,
        timestep: timestepTensor(timestep, rows),
        encoder_hidden_states: options.encoderHiddenStates,
        ...Object.fromEntries(images.map((image, i) => [imageInput(i), image])),
        control_type: Tensor.from(kinds, [1, kinds.length]).repeat([rows, 1]),
        control_type_idx: Tensor.from(BigInt64Array.from(modes, BigInt)),
        image_scales: Tensor.from(isAlone ? [1] : scales),
        scales: Tensor.from(residualScales(config, isAlone ? scales[0]! : 1, guessMode)),
        class_labels: options.classLabels,
        text_embeds: options.textEmbeds,
        time_ids: options.timeIds,
      }, { signal: options.signal, onDevice: true }); // the UNet takes them from there
      return namedResiduals(config, result);
    },
  }),
});

function checkKinds(
  { num_control_type: count }: ControlNetUnionConfig,
  { controlnetCond: images, controlMode: modes, conditioningScale: scale }: ControlNetUnionOptions,
): void {
  if (typeof scale === "object" && scale.length !== images.length) {
    throw new RangeError(
      `Cannot control by ${images.length} images with conditioningScale [${
        scale.join(", ")
      }]: give ` +
        `one number, or one for each image`,
    );
  }
  if (images.length === 0 || images.length !== modes.length) {
    throw new RangeError(
      `Cannot control by ${images.length} images with controlMode [${
        modes.join(", ")
      }]: give each ` +
        `image its kind`,
    );
  }
  const isKind = (mode: number) => Number.isInteger(mode) && mode >= 0 && mode < count;
  if (modes.every(isKind) && images.length <= count) return;
  throw new RangeError(
    `Cannot control by the kinds [${
      modes.join(", ")
    }]: there may be ${count} at most, integers from ` +
      `0 to ${count - 1}`,
  );
}

/** Several ControlNetUnionModels whose residuals are added; of diffusers. */
export type MultiControlNetUnionModel = MultiControlNet<ControlNetUnionModel>;

/** Loads the ControlNets that lie in `controlnet`, `controlnet_1`, ... beside each other. */
export const MultiControlNetUnionModel: MultiNetClass<ControlNetUnionModel> = multiNetClass(
  "MultiControlNetUnionModel",
  ControlNetUnionModel,
);

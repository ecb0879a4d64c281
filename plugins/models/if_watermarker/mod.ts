/**
 * IFWatermarker: the mark that DeepFloyd IF puts into the corner of its images. The class of diffusers'
 * `pipelines/deepfloyd_if`.
 *
 * @example
 * ```ts ignore
 * import { IFWatermarker } from "@denoise/denoise";
 *
 * const watermarker = await IFWatermarker.fromPretrained("DeepFloyd/IF-I-XL-v1.0", {
 *   subfolder: "watermarker",
 * });
 * console.log(watermarker.mark().dims); // [62, 62, 4]
 * ```
 *
 * @module
 */
import type { ModelClass } from "@denoise/core";
import type { Watermarker } from "@denoise/roles";
import { defineModel } from "@denoise/onnx";

/** Options of an IFWatermarker: it has none. */
export type IFWatermarkerConfig = Record<never, never>;

/** A loaded IFWatermarker. */
export type IFWatermarker = Watermarker<IFWatermarkerConfig>;

/** The class of marks; `IFWatermarker` of diffusers. */
export const IFWatermarker: ModelClass<IFWatermarker> = defineModel<
  IFWatermarkerConfig,
  IFWatermarker
>({
  className: "IFWatermarker",
  library: "deepfloyd_if",
  layout: "diffusers",
  schema: {},
  constants: () => ["watermark_image"],
  graphs: {},
  methods: (_model, { watermark_image: image }) => ({
    mark: () => image!.map(Math.trunc),
  }),
});

/**
 * T2IAdapter: a small network that makes of an image (edges, a pose, depth, colours) what is added to the
 * levels of a UNet's down blocks, once for all steps. Mou et al., "T2I-Adapter: Learning Adapters to Dig
 * out More Controllable Ability for Text-to-Image Diffusion Models" (arXiv:2302.08453).
 *
 * Covered are all three kinds: `full_adapter` (Stable Diffusion 1), `full_adapter_xl` and `light_adapter`.
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionXLAdapterPipeline, T2IAdapter } from "@denoise/denoise";
 *
 * const adapter = await T2IAdapter.fromPretrained("TencentARC/t2i-adapter-canny-sdxl-1.0");
 * const pipe = await StableDiffusionXLAdapterPipeline.fromPretrained(
 *   "stabilityai/stable-diffusion-xl-base-1.0",
 *   { adapter },
 * );
 * ```
 *
 * @module
 */
import type { ModelClass, Tensor } from "@denoise/core";
import { defineModel } from "@denoise/onnx";
import {
  type MultiControlNet,
  type MultiNetClass,
  multiNetClass,
  type T2IAdapterNet,
} from "@denoise/roles";
import { schema, type T2IAdapterConfig } from "./config.ts";
import { forward, levelCount, totalDownscaleFactor } from "./graph.ts";

export type { T2IAdapterConfig };

/** A loaded T2IAdapter: `forward(image)` gives the features of each level. */
export interface T2IAdapter extends T2IAdapterNet<T2IAdapterConfig> {
  /** How many pixels of a row become one in its last level. */
  readonly totalDownscaleFactor: number;
}

/** The class of networks that add to a UNet's down blocks; `T2IAdapter` of diffusers. */
export const T2IAdapter: ModelClass<T2IAdapter> = defineModel<T2IAdapterConfig, T2IAdapter>({
  className: "T2IAdapter",
  schema,
  graphs: { forward },
  methods: (model) => ({
    totalDownscaleFactor: totalDownscaleFactor(model.config),
    async forward(image, { signal } = {}) {
      checkSides(model.config, image);
      const result = await model.run("forward", { image }, { signal });
      return Array.from({ length: levelCount(model.config) }, (_, i) => result[`feature_${i}`]!);
    },
  }),
});

/** Pixels become channels in whole squares. */
function checkSides({ downscale_factor: factor }: T2IAdapterConfig, { dims }: Tensor): void {
  const [height = 0, width = 0] = dims.slice(2);
  if (height % factor === 0 && width % factor === 0) return;
  throw new RangeError(
    `Cannot run T2IAdapter on ${width}x${height}: both sides must be multiples of ${factor}`,
  );
}

/** Several T2IAdapters whose features are added; `MultiAdapter` of diffusers. */
export type MultiAdapter = MultiControlNet<T2IAdapter>;

/** Loads the adapters that lie in `adapter`, `adapter_1`, ... beside each other. */
export const MultiAdapter: MultiNetClass<T2IAdapter> = multiNetClass("MultiAdapter", T2IAdapter);

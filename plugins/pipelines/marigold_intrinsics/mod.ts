/**
 * MarigoldIntrinsicsPipeline: what the colors of a photo are made of, such as albedo, roughness and metallicity,
 * or albedo, shading and residual. Ke et al., "Marigold: Affordable Adaptation of Diffusion-Based Image
 * Generators for Image Analysis" (arXiv:2505.09358). `images` are, for each photo, those that
 * `showIntrinsics` makes by the repo's `target_properties`, in their order.
 *
 * @example
 * ```ts ignore
 * import { MarigoldIntrinsicsPipeline } from "@denoise/denoise";
 *
 * const pipe = await MarigoldIntrinsicsPipeline.fromPretrained("prs-eth/marigold-iid-lighting-v1-1");
 * const { images, prediction } = await pipe({ image: "cat.jpg", numInferenceSteps: 4, seed: 0 });
 * await images[0].save("albedo.png");
 * console.log(prediction.dims); // [3, 3, height, width]: three targets of one photo
 * ```
 *
 * @module
 */
import {
  type CallOptions,
  checkOptions,
  definePipeline,
  type Pipeline,
  type PipelineClass,
  Tensor,
} from "@denoise/core";
import {
  checkPredictionType,
  ensembleImages,
  type MarigoldComponents,
  marigoldComponents,
  marigoldDefaults,
  type MarigoldKind,
  type MarigoldOptions,
  marigoldOptions,
  type MarigoldOutput,
  predict,
  showIntrinsics,
  type TargetProperties,
} from "@denoise/marigold";

export type { MarigoldComponents, MarigoldOutput };

/** How predictions of an ensemble are brought together. */
export interface MarigoldIntrinsicsEnsemblingKwargs {
  /** At each place their mean, or the lower of the middle ones. Defaults to `"median"`. */
  readonly reduction?: "mean" | "median" | undefined;
}

const ensembling: CallOptions<MarigoldIntrinsicsEnsemblingKwargs> = {
  reduction: { type: "string", choices: ["mean", "median"] },
};

/** Options of a call. */
export interface MarigoldIntrinsicsOptions extends MarigoldOptions {
  /** How predictions of an ensemble are brought together. */
  readonly ensemblingKwargs?: MarigoldIntrinsicsEnsemblingKwargs | undefined;
}

/** A loaded MarigoldIntrinsicsPipeline; its `prediction` is float32 [N · targets, 3, height, width] in 0..1. */
export type MarigoldIntrinsicsPipeline = Pipeline<
  MarigoldComponents,
  [options: MarigoldIntrinsicsOptions],
  MarigoldOutput
>;

const kind: MarigoldKind<MarigoldIntrinsicsOptions> = {
  read: (decoded) => decoded.clamp(-1, 1).add(1).div(2),
  ensemble: (predictions, { ensemblingKwargs }) =>
    ensembleImages(predictions, ensemblingKwargs?.reduction ?? "median"),
  show(prediction, { target_properties }) {
    const properties = target_properties as unknown as TargetProperties | null;
    if (properties === null) return prediction;
    const count = properties.target_names.length;
    const photos = Array.from(
      { length: prediction.dims[0]! / count },
      (_, i) => prediction.slice(0, i * count, (i + 1) * count),
    );
    const shown = photos.flatMap((photo) => Object.values(showIntrinsics(photo, properties)));
    return Tensor.cat(shown);
  },
};

/** Photos to intrinsic images; `MarigoldIntrinsicsPipeline` of diffusers. */
export const MarigoldIntrinsicsPipeline: PipelineClass<
  MarigoldComponents,
  [options: MarigoldIntrinsicsOptions],
  MarigoldOutput
> = definePipeline({
  className: "MarigoldIntrinsicsPipeline",
  task: "image-to-image",
  family: "marigold-intrinsics",
  components: marigoldComponents,
  settings: {
    prediction_type: null,
    target_properties: null,
    default_denoising_steps: null,
    default_processing_resolution: null,
  },
  prepare(_components, warn, facts) {
    checkPredictionType(facts, ["intrinsics"], warn);
    return {};
  },
  options: { ...marigoldOptions, ensemblingKwargs: { type: "any" } },
  defaults: marigoldDefaults,
  generate(run, options) {
    checkOptions("bring predictions together", options.ensemblingKwargs ?? {}, ensembling);
    return predict(run, options, kind);
  },
});

/**
 * MarigoldNormalsPipeline: which way the surfaces of a photo face: vectors of length 1 (right, up, to the
 * observer). Ke et al., "Marigold: Affordable Adaptation of Diffusion-Based Image Generators for Image
 * Analysis" (arXiv:2505.09358).
 *
 * @example
 * ```ts ignore
 * import { MarigoldNormalsPipeline } from "@denoise/denoise";
 *
 * const pipe = await MarigoldNormalsPipeline.fromPretrained("prs-eth/marigold-normals-v1-1");
 * const { images, prediction } = await pipe({ image: "cat.jpg", numInferenceSteps: 4, seed: 0 });
 * await images[0].save("normals.png");
 * console.log(prediction.dims); // [1, 3, height, width]
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
  ensembleNormals,
  type MarigoldComponents,
  marigoldComponents,
  marigoldDefaults,
  type MarigoldKind,
  type MarigoldOptions,
  marigoldOptions,
  type MarigoldOutput,
  predict,
  showNormals,
  unitLength,
} from "@denoise/marigold";

export type { MarigoldComponents, MarigoldOutput };

/** How predictions of an ensemble are brought together. */
export interface MarigoldNormalsEnsemblingKwargs {
  /** At each place their mean, or of them the one nearest to it. Defaults to `"closest"`. */
  readonly reduction?: "mean" | "closest" | undefined;
}

const ensembling: CallOptions<MarigoldNormalsEnsemblingKwargs> = {
  reduction: { type: "string", choices: ["mean", "closest"] },
};

/** Options of a call. */
export interface MarigoldNormalsOptions extends MarigoldOptions {
  /** How predictions of an ensemble are brought together. */
  readonly ensemblingKwargs?: MarigoldNormalsEnsemblingKwargs | undefined;
}

/** A loaded MarigoldNormalsPipeline; its `prediction` is float32 [N, 3, height, width] in -1..1. */
export type MarigoldNormalsPipeline = Pipeline<
  MarigoldComponents,
  [options: MarigoldNormalsOptions],
  MarigoldOutput
>;

const kind: MarigoldKind<MarigoldNormalsOptions> = {
  read(decoded, settings) {
    const normals = decoded.clamp(-1, 1);
    if (settings.use_full_z_range === true) return unitLength(normals);
    const z = normals.slice(1, 2, 3).mul(0.5).add(0.5); // what faces away is not seen
    return unitLength(Tensor.cat([normals.slice(1, 0, 2), z], 1));
  },
  ensemble: (predictions, { ensemblingKwargs }) =>
    ensembleNormals(predictions, ensemblingKwargs?.reduction ?? "closest"),
  resized: unitLength,
  show: (prediction) => showNormals(prediction),
};

/** Photos to normals; `MarigoldNormalsPipeline` of diffusers. */
export const MarigoldNormalsPipeline: PipelineClass<
  MarigoldComponents,
  [options: MarigoldNormalsOptions],
  MarigoldOutput
> = definePipeline({
  className: "MarigoldNormalsPipeline",
  task: "image-to-image",
  family: "marigold-normals",
  components: marigoldComponents,
  settings: {
    prediction_type: null,
    use_full_z_range: true,
    default_denoising_steps: null,
    default_processing_resolution: null,
  },
  prepare(_components, warn, facts) {
    checkPredictionType(facts, ["normals"], warn);
    return {};
  },
  options: { ...marigoldOptions, ensemblingKwargs: { type: "any" } },
  defaults: marigoldDefaults,
  generate(run, options) {
    checkOptions("bring predictions together", options.ensemblingKwargs ?? {}, ensembling);
    return predict(run, options, kind);
  },
});

/**
 * MarigoldDepthPipeline: how far away what a photo shows is, from 0 (near) to 1 (far). Ke et al., "Repurposing
 * Diffusion-Based Image Generators for Monocular Depth Estimation" (arXiv:2312.02145).
 *
 * An ensemble is aligned as `alignDepth` says, with exact gradients; those of diffusers are rounding for the
 * most part, so that ensembles of both differ by a few of 255, as two runs of diffusers on slightly other
 * numbers do. Not covered: `export_depth_to_16bit_png`.
 *
 * @example
 * ```ts ignore
 * import { MarigoldDepthPipeline } from "@denoise/denoise";
 *
 * const pipe = await MarigoldDepthPipeline.fromPretrained("prs-eth/marigold-depth-v1-1");
 * const { images, prediction } = await pipe({ image: "cat.jpg", numInferenceSteps: 4, seed: 0 });
 * await images[0].save("depth.png");
 * console.log(prediction.dims); // [1, 1, height, width]
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
} from "@denoise/core";
import {
  checkPredictionType,
  ensembleDepth,
  type MarigoldComponents,
  marigoldComponents,
  marigoldDefaults,
  type MarigoldKind,
  type MarigoldOptions,
  marigoldOptions,
  type MarigoldOutput,
  predict,
  showDepth,
} from "@denoise/marigold";

export type { MarigoldComponents, MarigoldOutput };

/** How predictions of an ensemble are aligned and brought together. */
export interface MarigoldDepthEnsemblingKwargs {
  /** At each place their mean, or the lower of the middle ones. Defaults to `"median"`. */
  readonly reduction?: "mean" | "median" | undefined;
  /** How much it costs that the whole does not reach from 0 to 1. Defaults to 0.02. */
  readonly regularizerStrength?: number | undefined;
  /** Steps of the search at most. Defaults to 2. */
  readonly maxIter?: number | undefined;
  /** Slope at which the search ends. Defaults to 1e-3. */
  readonly tol?: number | undefined;
  /** Longer side of the maps that are aligned, where they are larger. Defaults to 1024. */
  readonly maxRes?: number | null | undefined;
}

const ensembling: CallOptions<MarigoldDepthEnsemblingKwargs> = {
  reduction: { type: "string", choices: ["mean", "median"] },
  regularizerStrength: { type: "number", minimum: 0 },
  maxIter: { type: "integer", minimum: 0 },
  tol: { type: "number", minimum: 0 },
  maxRes: { type: "any" },
};

/** Options of a call. */
export interface MarigoldDepthOptions extends MarigoldOptions {
  /** How predictions of an ensemble are aligned and brought together. */
  readonly ensemblingKwargs?: MarigoldDepthEnsemblingKwargs | undefined;
}

/** A loaded MarigoldDepthPipeline; its `prediction` is float32 [N, 1, height, width] in 0..1. */
export type MarigoldDepthPipeline = Pipeline<
  MarigoldComponents,
  [options: MarigoldDepthOptions],
  MarigoldOutput
>;

const kind: MarigoldKind<MarigoldDepthOptions> = {
  read: (decoded) => decoded.mean([1], { keepDims: true }).clamp(-1, 1).add(1).div(2),
  ensemble(predictions, { ensemblingKwargs = {} }, settings) {
    const [scale, shiftInvariant] = [settings.scale_invariant, settings.shift_invariant === true];
    if (scale !== true) {
      throw new RangeError(
        "Cannot bring predictions together that are not scale_invariant: ensembleSize must be 1",
      );
    }
    return ensembleDepth(predictions, { ...ensemblingKwargs, shiftInvariant });
  },
  show: (prediction) => showDepth(prediction),
};

/** Photos to depth; `MarigoldDepthPipeline` of diffusers. */
export const MarigoldDepthPipeline: PipelineClass<
  MarigoldComponents,
  [options: MarigoldDepthOptions],
  MarigoldOutput
> = definePipeline({
  className: "MarigoldDepthPipeline",
  task: "depth-estimation",
  family: "marigold-depth",
  components: marigoldComponents,
  settings: {
    prediction_type: null,
    scale_invariant: true,
    shift_invariant: true,
    default_denoising_steps: null,
    default_processing_resolution: null,
  },
  prepare(_components, warn, facts) {
    checkPredictionType(facts, ["depth", "disparity"], warn);
    return {};
  },
  options: { ...marigoldOptions, ensemblingKwargs: { type: "any" } },
  defaults: marigoldDefaults,
  generate(run, options) {
    checkOptions("bring predictions together", options.ensemblingKwargs ?? {}, ensembling);
    return predict(run, options, kind);
  },
});

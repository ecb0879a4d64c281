/**
 * SanaSprintPipeline: images from text in one or two steps with Sana-Sprint (Chen et al., 2025,
 * arXiv:2503.09641). Other numbers of steps take even angles; diffusers wants `intermediateTimesteps: null` for
 * them.
 *
 * Not covered: `eta`, which its scheduler does not know.
 *
 * @example
 * ```ts ignore
 * import { SanaSprintPipeline } from "@denoise/denoise";
 *
 * const pipe = await SanaSprintPipeline.fromPretrained("Efficient-Large-Model/Sana_Sprint_0.6B_1024px_diffusers");
 * const { images } = await pipe("a tiny astronaut", { seed: 0 });
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import {
  type BinnedStartOptions,
  binnedStartOptions,
  oneTextEncoder,
  type Prompt,
  textToImagePipeline,
} from "@denoise/diffusion";
import {
  fromSprintNoise,
  type SanaComponents,
  sanaSprint,
  type SprintOptions,
  sprintOptions,
} from "@denoise/sana";

/** Options of a call. */
export interface SanaSprintOptions extends SprintOptions, BinnedStartOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type SanaSprintArguments = [prompt?: Prompt, options?: SanaSprintOptions];

/** A loaded SanaSprintPipeline. */
export type SanaSprintPipeline = Pipeline<SanaComponents, SanaSprintArguments, ImageOutput>;

/** Text to images with Sana-Sprint; `SanaSprintPipeline` of diffusers. */
export const SanaSprintPipeline: PipelineClass<SanaComponents, SanaSprintArguments, ImageOutput> =
  textToImagePipeline({
    className: "SanaSprintPipeline",
    task: "text-to-image",
    family: sanaSprint,
    start: fromSprintNoise,
    ...oneTextEncoder,
    options: { ...sprintOptions, ...binnedStartOptions },
    defaults: { numInferenceSteps: 2, guidanceScale: 4.5 },
  });

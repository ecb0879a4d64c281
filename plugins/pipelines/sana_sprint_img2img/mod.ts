/**
 * SanaSprintImg2ImgPipeline: an image changed as a text says, in one or two steps with Sana-Sprint (Chen et
 * al., 2025, arXiv:2503.09641). The image is resized to the size of the call.
 *
 * Not covered: `eta`, which its scheduler does not know.
 *
 * @example
 * ```ts ignore
 * import { SanaSprintImg2ImgPipeline } from "@denoise/denoise";
 *
 * const pipe = await SanaSprintImg2ImgPipeline.fromPretrained("Efficient-Large-Model/Sana_Sprint_0.6B_1024px_diffusers");
 * const { images } = await pipe("a pink bear", { image: "bear.png", strength: 0.5, seed: 0 });
 * ```
 *
 * @module
 */
import type { ImageOutput, Pipeline, PipelineClass } from "@denoise/core";
import { latentPipeline, oneTextEncoder, type Prompt } from "@denoise/diffusion";
import {
  fromSprintImage,
  type SanaComponents,
  sanaSprint,
  type SprintImageOptions,
  sprintImageOptions,
  type SprintOptions,
  sprintOptions,
} from "@denoise/sana";

/** Options of a call. */
export interface SanaSprintImg2ImgOptions extends SprintOptions, SprintImageOptions {}

/** What a call is given: a prompt or several, none with `promptEmbeds`, then options. */
export type SanaSprintImg2ImgArguments = [
  prompt: Prompt | undefined,
  options: SanaSprintImg2ImgOptions,
];

/** A loaded SanaSprintImg2ImgPipeline. */
export type SanaSprintImg2ImgPipeline = Pipeline<
  SanaComponents,
  SanaSprintImg2ImgArguments,
  ImageOutput
>;

/** Image and text to images with Sana-Sprint; `SanaSprintImg2ImgPipeline` of diffusers. */
export const SanaSprintImg2ImgPipeline: PipelineClass<
  SanaComponents,
  SanaSprintImg2ImgArguments,
  ImageOutput
> = latentPipeline({
  className: "SanaSprintImg2ImgPipeline",
  task: "image-to-image",
  family: sanaSprint,
  start: fromSprintImage,
  ...oneTextEncoder,
  options: { ...sprintOptions, ...sprintImageOptions },
  defaults: { numInferenceSteps: 2, strength: 0.6, guidanceScale: 4.5 },
});

import { definePipeline, type Image, Tensor } from "@denoise/core";
import { type UnconditionalOptions, unconditionalOptions } from "@denoise/diffusion";

/** What a call is given. */
interface Call extends UnconditionalOptions {
  readonly numInferenceSteps?: number | undefined;
}

/** The side of the images, that of the embedded model. */
const SIDE = 128;

/** A pipeline without weights: its steps take `step_ms` of its model_index.json, its images are grey. */
export const PacedPipeline = definePipeline<
  { scheduler: unknown },
  [options?: Call],
  { images: readonly Image[] }
>({
  className: "PacedPipeline",
  task: "unconditional-image-generation",
  options: { ...unconditionalOptions, numInferenceSteps: { type: "integer", minimum: 1 } },
  defaults: { numInferenceSteps: 4 },
  components: { scheduler: { kind: "scheduler" } },
  settings: { step_ms: 0 },
  async *generate({ settings, recipe, images }, { numInferenceSteps: total = 4, seed = 0n }) {
    const latents = Tensor.zeros([1]);
    const stepMs = settings["step_ms"] as number;
    for (let index = 0; index < total; index++) {
      if (stepMs > 0) await new Promise((resolve) => setTimeout(resolve, stepMs));
      yield { index, total, timestep: 0, latents, preview: () => Promise.resolve([]) };
    }
    const grey = Tensor.full([1, 3, SIDE, SIDE], 0.5);
    const codec = await images();
    return { images: codec.fromTensor(grey, () => ({ ...recipe, seed: `${seed}` })) };
  },
});

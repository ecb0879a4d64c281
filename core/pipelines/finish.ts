import type { Recipe } from "../media.ts";
import type { PictureOutput, PipelineRun, RunOptions } from "../pipeline.ts";
import type { Tensor } from "../tensor.ts";
import { denormalize, pictureOutput } from "./output.ts";
import { hideUnsafe, type SafetyComponents } from "./safety.ts";
import { decodeLatents, type StableDiffusionComponents } from "./stable_diffusion.ts";

/** A run of such a pipeline. */
export type StableDiffusionRun = PipelineRun<StableDiffusionComponents>;

/** A run that ends in latents, of a pipeline that may have no safety checker. */
export type LatentRun = PipelineRun<
  Pick<StableDiffusionComponents, "vae"> & Partial<SafetyComponents>
>;

/** What a run gives for its last latents: decoded, looked at by the safety checker, as asked for. */
export async function finishLatents(
  run: LatentRun,
  latents: Tensor,
  outputType: RunOptions["outputType"],
  recipe: (index: number) => Recipe,
): Promise<PictureOutput> {
  if (outputType === "latent") return { images: [], tensor: latents };
  const decoded = denormalize(await decodeLatents(run.components.vae, latents));
  const { shown, nsfwContentDetected } = await hideUnsafe(run, decoded);
  const output = await pictureOutput(run, shown, outputType, recipe);
  return nsfwContentDetected === undefined ? output : { ...output, nsfwContentDetected };
}

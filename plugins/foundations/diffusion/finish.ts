import type { ImageOutput, PipelineRun, Recipe, RunOptions, Tensor } from "@denoise/core";
import type { ImageDecodeOptions } from "@denoise/roles";
import { decodeLatents, type LatentComponents } from "./latents.ts";
import { denormalize, imageOutput } from "./output.ts";
import { hideUnsafe, type SafetyComponents } from "./safety.ts";

/** A run that ends in latents, of a pipeline that may have no safety checker. */
export type LatentRun = PipelineRun<
  Pick<LatentComponents, "vae"> & Partial<SafetyComponents>
>;

/**
 * What a run gives for its last latents: decoded, looked at by the safety checker, as asked for.
 *
 * @param options.decode How the pipeline's own autoencoder decodes. Defaults to {@linkcode decodeLatents}.
 * @param options.generator Where the noise comes from, of decoders that draw any.
 */
export async function finishLatents(
  run: LatentRun,
  latents: Tensor,
  outputType: RunOptions["outputType"],
  recipe: (index: number) => Recipe,
  { decode = decodeLatents, ...options }: ImageDecodeOptions & {
    readonly decode?: typeof decodeLatents | undefined;
  } = {},
): Promise<ImageOutput> {
  if (outputType === "latent") return { images: [], tensor: latents };
  const decoded = denormalize(await decode(run.components.vae, latents, options));
  const { shown, found } = await hideUnsafe(run, decoded);
  return { ...await imageOutput(run, shown, outputType, recipe), ...found };
}

import type { AnyPipeline, PipelineClass, Registry } from "@denoise/core";

/** What a picture is made from beside the prompt. */
export interface Given {
  readonly image?: string | undefined;
  readonly mask?: string | undefined;
}

/** Pipelines that change a picture, by the class of the one that makes pictures from text. */
const IMAGE_TASKS: Readonly<Record<string, { readonly image: string; readonly mask: string }>> = {
  StableDiffusionPipeline: {
    image: "StableDiffusionImg2ImgPipeline",
    mask: "StableDiffusionInpaintPipeline",
  },
  StableDiffusionXLPipeline: {
    image: "StableDiffusionXLImg2ImgPipeline",
    mask: "StableDiffusionXLInpaintPipeline",
  },
};

/**
 * The pipeline for what is given: the loaded one for a prompt alone, one that changes a picture or
 * paints in it otherwise, over the same components.
 *
 * @throws {TypeError} for a mask without a picture, and for pipelines that take no picture.
 */
export async function pipelineFor(
  pipe: AnyPipeline,
  { image, mask }: Given,
  registry: Registry,
): Promise<AnyPipeline> {
  if (image === undefined && mask === undefined) return pipe;
  if (image === undefined) {
    throw new TypeError("Cannot paint in a mask without a picture: give --image beside --mask");
  }
  const known = IMAGE_TASKS[pipe.className];
  const taken = Object.values(IMAGE_TASKS).some((task) =>
    pipe.className === (mask === undefined ? task.image : task.mask)
  );
  if (taken) return pipe;
  if (known === undefined) {
    throw new TypeError(
      `Cannot give a picture to ${pipe.className}: a model of ` +
        `${Object.keys(IMAGE_TASKS).join(" or ")} takes one`,
    );
  }
  const name = mask === undefined ? known.image : known.mask;
  const Class = await registry.get(name, "pipeline") as PipelineClass<object, unknown[], never>;
  return new (Class.using(registry))(pipe.components) as unknown as AnyPipeline;
}

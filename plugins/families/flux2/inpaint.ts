import {
  type CallOptions,
  type ImageInput,
  type ImageSize,
  type PipelineRun,
  Tensor,
} from "@denoise/core";
import {
  type Family,
  fromMaskWith,
  type ImagesInput,
  type LatentOptions,
  latentSpace,
  type MaskStartCall,
  type MaskStartOptions,
  maskStartOptions,
  type Start,
} from "@denoise/diffusion";
import type { Flux2Components } from "./components.ts";
import { type Flux2KleinOptions, flux2With } from "./family.ts";
import { encodeKleinPrompts } from "./prompts.ts";
import { encodeReferences, shrunkSize } from "./references.ts";

/** Options of a call of FLUX.2 klein that inpaints. */
export interface Flux2KleinInpaintOptions
  extends
    Omit<Flux2KleinOptions, "image">,
    Pick<MaskStartOptions, "image" | "maskImage" | "strength" | "latents"> {
  /** An image that the prompt speaks of, beside the one that is inpainted. */
  readonly imageReference?: ImageInput | undefined;
}

/** The declarations of what {@linkcode Flux2KleinInpaintOptions} has beside the options of all calls. */
export const flux2KleinInpaintOptions: CallOptions<
  Pick<
    Flux2KleinInpaintOptions,
    "image" | "maskImage" | "strength" | "latents" | "imageReference"
  >
> = {
  image: maskStartOptions.image,
  maskImage: maskStartOptions.maskImage,
  strength: maskStartOptions.strength,
  latents: maskStartOptions.latents,
  imageReference: { type: "image" },
};

/** What is inpainted as one image after the other. */
function listOf(image: ImagesInput): readonly ImageInput[] {
  return Array.isArray(image) ? image as readonly ImageInput[] : [image as ImageInput];
}

/** Whether an image is given as latents. */
function isLatent({ vae }: Flux2Components, image: ImageInput): image is Tensor {
  return image instanceof Tensor && image.dims.at(-3) === latentSpace(vae).channels;
}

/** Height and width of an image in pixels. */
async function sizeOf(run: PipelineRun<Flux2Components>, image: ImageInput): Promise<ImageSize> {
  const { dims } = image instanceof Tensor
    ? image
    : await (await run.images()).toTensor(image, { mode: "RGB" });
  const [height, width] = dims.slice(-2) as [number, number];
  return { height, width };
}

/** FLUX.2 klein where a mask says what changes: the image says the size, and is a reference as well. */
export const flux2Inpainting: Family<
  Flux2Components,
  LatentOptions & Flux2KleinInpaintOptions,
  never
> = flux2With<LatentOptions & Flux2KleinInpaintOptions>({
  name: "flux2-klein",
  texts: encodeKleinPrompts,
  references: async (run, { imageReference }) =>
    imageReference === undefined
      ? undefined
      : await encodeReferences(run, imageReference, { first: 1, shortest: 1 }),
  async size(run, { image }) {
    const { factor } = latentSpace(run.components.vae);
    const first = listOf(image)[0]!;
    const own = await sizeOf(run, first);
    if (isLatent(run.components, first)) {
      return { height: own.height * factor, width: own.width * factor };
    }
    const { height, width } = shrunkSize(own);
    if (height < factor || width < factor) {
      throw new RangeError(
        `Cannot inpaint an image of ${own.width}x${own.height}: its sides must be at least ${factor} pixels`,
      );
    }
    return { height: height - height % factor, width: width - width % factor };
  },
});

const start = fromMaskWith<Flux2Components>({
  seesMask: () => false,
  beginsWithImage: true,
  encodesMean: true,
  blendsMask: true,
});

/** From an image and a mask, the image's latents being given to the denoiser too. */
export const fromFlux2Mask: Start<Flux2Components, MaskStartCall> = {
  ...start,
  async begin(run, options, facts) {
    const image: ImageInput[] = [];
    for (const one of listOf(options.image)) image.push(await prepared(run, one));
    const given = { ...options, image: Array.isArray(options.image) ? image : image[0]! };
    const begun = await start.begin(run, given, facts);
    return { ...begun, denoiserInput: (scaled) => Tensor.cat([scaled, begun.clean!], 1) };
  },
};

/** An image of at most 1024² pixels, which is resized once more to whole tokens, or normalized latents. */
async function prepared(run: PipelineRun<Flux2Components>, image: ImageInput): Promise<ImageInput> {
  if (isLatent(run.components, image)) return latentSpace(run.components.vae).normalize(image);
  if (image instanceof Tensor) return image;
  const own = await sizeOf(run, image);
  const size = shrunkSize(own);
  if (size.height === own.height) return image;
  const codec = await run.images();
  return codec.fromTensor(await codec.toTensor(image, { mode: "RGB", ...size }))[0]!;
}

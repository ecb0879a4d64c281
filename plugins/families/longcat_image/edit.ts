import type { CallOptions, ImageInput, ImageSize, PipelineRun, Tensor } from "@denoise/core";
import {
  encodeTextPair,
  type Family,
  type ImagesInput,
  type LatentOptions,
  latentSpace,
  packLatents,
  textReader,
  vaeScaleFactor,
} from "@denoise/diffusion";
import type { PatchedImages } from "@denoise/roles";
import type { LongCatImageComponents } from "./components.ts";
import { type LongCatImageBaseOptions, longCatImageWith } from "./family.ts";
import { promptStates } from "./prompts.ts";

/** The image of a call that edits. */
export interface LongCatImageEditImage {
  /** The image to change; the result has its shape and about 1024² pixels. */
  readonly image: ImagesInput;
}

/** The declaration of {@linkcode LongCatImageEditImage}. */
export const longCatImageEditImage: CallOptions<LongCatImageEditImage> = {
  image: { type: "image", list: "allowed", required: true },
};

/** What stands before a prompt (`prompt_template_encode_prefix`), but for the image. */
const INSTRUCTION =
  "<|im_start|>system\nAs an image editing expert, first analyze the content and attributes of the input " +
  "image(s). Then, based on the user's editing instructions, clearly and precisely determine how to modify the " +
  "given image(s), ensuring that only the specified parts are altered and all other aspects remain consistent " +
  "with the original(s).<|im_end|>\n<|im_start|>user\n";

/** Pixels, about, of an image. */
const AREA = 1024 ** 2;

/** What the family of an edit reads of a call. */
export type LongCatImageEditCall = LatentOptions & LongCatImageBaseOptions & LongCatImageEditImage;

/** LongCat-Image-Edit: the language model reads the image, whose latents are tokens beside those that are made. */
export const longCatImageEdit: Family<LongCatImageComponents, LongCatImageEditCall, never> =
  longCatImageWith<
    LongCatImageEditCall
  >({
    name: "longcat-image-edit",
    async encode(run, prompt, options, guided) {
      const { warn, components } = run;
      const { signal } = options;
      if (Array.isArray(prompt) && prompt.length !== 1) {
        throw new RangeError(`Cannot edit an image by ${prompt.length} prompts: give one`);
      }
      const codec = await run.images();
      const image = oneImage(options.image);
      const whole = await codec.toTensor(image, { mode: "RGB" });
      const ratio = whole.dims[3]! / whole.dims[2]!;
      const size = sizeOf(ratio, Math.max(16, 2 * vaeScaleFactor(components.vae)));
      const shown = await codec.toTensor(image, { mode: "RGB", ...size });
      let read: Promise<PatchedImages> | undefined;
      const texts = await encodeTextPair(prompt, options, guided, async (text) => {
        const parts = textReader(components);
        read ??= patches(run, shown, size).then((images) =>
          parts.textEncoder.see(images, { signal })
        );
        const images = await read;
        const kept = placesOf(images, components);
        const instruction = { skipped: INSTRUCTION, kept, images };
        return await promptStates(parts, text, instruction, { warn, signal });
      });
      const space = latentSpace(components.vae);
      const { latentDist } = await components.vae.encode(shown.mul(2).sub(1));
      const tokens = packLatents(space.normalize(latentDist.mode()));
      return { texts, reference: { tokens, size }, firstPlace: texts.wanted.dims[1]! };
    },
  });

function oneImage(image: ImagesInput): ImageInput {
  const list = Array.isArray(image) ? image as readonly ImageInput[] : [image as ImageInput];
  if (list.length === 1) return list[0]!;
  throw new RangeError(`Cannot edit ${list.length} images: this model takes one`);
}

/** About 1024² pixels in a shape, sides rounded up to multiples, of 16 in diffusers (`calculate_dimensions`). */
function sizeOf(ratio: number, multiple: number): ImageSize {
  const wide = Math.sqrt(AREA * ratio);
  const whole = (side: number) => Math.ceil(side / multiple) * multiple;
  return { width: whole(wide), height: whole(wide / ratio) };
}

/** The image half as large, as bytes, in patches. */
async function patches(
  run: PipelineRun<LongCatImageComponents>,
  shown: Tensor,
  { height, width }: ImageSize,
): Promise<PatchedImages> {
  const codec = await run.images();
  const { textProcessor } = run.components;
  if (textProcessor === null) throw new TypeError(NO_PROCESSOR);
  const half = { width: Math.floor(width / 2), height: Math.floor(height / 2) };
  const small = await codec.toTensor(codec.fromTensor(shown)[0]!, { mode: "RGB", ...half });
  return await textProcessor.patches(codec.fromTensor(small));
}

const NO_PROCESSOR =
  "Cannot read the image of an edit: the pipeline lacks text_processor; load it, or give promptEmbeds and " +
  "negativePromptEmbeds";

/** A token for each 2x2 patches of the image. */
function placesOf(
  { imageGridThw }: PatchedImages,
  { textProcessor }: Pick<LongCatImageComponents, "textProcessor">,
): string {
  const [frames, rows, columns] = imageGridThw[0]!;
  const tokens = frames * rows * columns / textProcessor!.config.merge_size ** 2;
  return `<|vision_start|>${"<|image_pad|>".repeat(tokens)}<|vision_end|>`;
}

import {
  type CallOptions,
  type ComponentSpec,
  type ImageInput,
  type PipelineRun,
  Tensor,
} from "@denoise/core";
import {
  encodeTextRows,
  type Family,
  fromMaskWith,
  imageOfArea,
  type ImagesInput,
  type LatentOptions,
  latentSpace,
  type MaskStartCall,
  oncePerText,
  oneTextEncoder,
  packLatents,
  type Prompt,
  type Start,
  textReader,
  type TextRows,
  vaeScaleFactor,
} from "@denoise/diffusion";
import type {
  ImagePatcher,
  LanguageModel,
  PatchedImages,
  VisionLanguageModel,
} from "@denoise/roles";
import type { QwenImageComponents } from "./components.ts";
import type { QwenImageControl } from "./control_nets.ts";
import { type QwenImageOptions, type QwenImageReferences, qwenImageWith } from "./family.ts";

/** What the pipelines that edit with Qwen-Image consist of. */
export interface QwenImageEditComponents extends Omit<QwenImageComponents, "textEncoder"> {
  /** Qwen2_5_VLForConditionalGeneration, which reads images too; null with embeddings of one's own. */
  readonly textEncoder: (LanguageModel & VisionLanguageModel) | null;
  /** Qwen2VLProcessor. */
  readonly processor: ImagePatcher;
}

/** The components that the definitions of these pipelines share. */
export const qwenImageEditComponents: {
  readonly components: { readonly [K in keyof QwenImageEditComponents]: ComponentSpec };
} = {
  components: {
    ...oneTextEncoder.components,
    tokenizer: {
      ...oneTextEncoder.components.tokenizer,
      usual: { className: "Qwen2Tokenizer", within: "processor" }, // blocks name the processor alone
    },
    processor: { kind: "processor" },
  },
};

/** The images of a call that edits. */
export interface QwenImageEditImages {
  /** What the prompt speaks of: one image, or several for Edit-Plus; without `width` and `height` the result has its shape. */
  readonly image: ImagesInput;
}

/** What the family of an edit reads of a call. */
export type QwenImageEditCall = LatentOptions & QwenImageOptions & QwenImageEditImages;

/** The declaration of {@linkcode QwenImageEditImages} for models that read so many images together. */
export function qwenImageEditImages(together: number): CallOptions<QwenImageEditImages> {
  return { image: { type: "image", list: "allowed", required: true, together } };
}

/** The instruction before a prompt (`prompt_template_encode`), and how many tokens it has. */
const INSTRUCTION =
  "<|im_start|>system\nDescribe the key features of the input image (color, shape, size, texture, objects, " +
  "background), then explain how the user's text instruction should alter or modify the image. Generate a new " +
  "image that meets the user's requirements while maintaining consistency with the original input where " +
  "appropriate.<|im_end|>\n<|im_start|>user\n";
const INSTRUCTION_TOKENS = 64;

/** What ends a prompt. */
const ANSWER = "<|im_end|>\n<|im_start|>assistant\n";

/** How a kind of edit looks at images. */
interface EditKind {
  /** The family's name. */
  readonly name: string;
  /** How many images a call may have. */
  readonly most: number;
  /** Pixels, about, of an image as the language model reads it, where it is not the autoencoder's. */
  readonly readArea?: number;
  /** Which image says the shape of the result. */
  readonly shapedBy: 0 | -1;
  /** Whether the image's latents come from the start, which inpaints it. Defaults to false. */
  readonly inpaints?: boolean;
  /** What stands before image `number`, counted from 1. */
  title(number: number): string;
}

/** Pixels, about, of a reference image as the autoencoder is given it. */
const AREA = 1024 ** 2;

/** A family of edits. */
export type QwenImageEditFamily = Family<
  QwenImageEditComponents,
  QwenImageEditCall,
  QwenImageControl
>;

function editWith(kind: EditKind): QwenImageEditFamily {
  return qwenImageWith<QwenImageEditComponents, QwenImageEditCall>({
    name: kind.name,
    async encode(run, prompt, options, guided) {
      const images = imagesOf(options.image, kind.most);
      const codec = await run.images();
      const shown = await Promise.all(
        images.map((image) => imageOfArea(codec, image, AREA, "RGB")),
      );
      const references = await referencesOf(run, shown, kind);
      const texts = await encodeWithImages(run, prompt, options, {
        guided,
        kind,
        read: async () =>
          kind.readArea === undefined ? shown : await Promise.all(
            images.map((image) => imageOfArea(codec, image, kind.readArea!, "RGB")),
          ),
      });
      return { texts, references };
    },
  });
}

function imagesOf(image: ImagesInput, most: number): readonly ImageInput[] {
  const list = Array.isArray(image) ? image as readonly ImageInput[] : [image as ImageInput];
  if (list.length >= 1 && list.length <= most) return list;
  throw new RangeError(
    `Cannot edit ${list.length} images: this model takes ${most === 1 ? "one" : `1 to ${most}`}`,
  );
}

async function referencesOf(
  { components: { vae } }: PipelineRun<QwenImageEditComponents>,
  shown: readonly Tensor[],
  { shapedBy, inpaints = false }: EditKind,
): Promise<QwenImageReferences> {
  const [, , height, width] = shown.at(shapedBy)!.dims as [number, number, number, number];
  const size = { height, width };
  if (inpaints) {
    const token = 2 * vaeScaleFactor(vae);
    return { tokens: undefined, shapes: [[1, height / token, width / token]], size };
  }
  const space = latentSpace(vae);
  const latents: Tensor[] = [];
  for (const image of shown) {
    const { latentDist } = await vae.encode(image.mul(2).sub(1));
    latents.push(space.normalize(latentDist.mode()));
  }
  return {
    tokens: Tensor.cat(latents.map((one) => packLatents(one)), 1),
    shapes: latents.map(({ dims }) => [1, dims[2]! / 2, dims[3]! / 2] as const),
    size,
  };
}

/** Prompts to states, each behind an instruction and the images, which the language model reads. */
async function encodeWithImages(
  run: PipelineRun<QwenImageEditComponents>,
  prompt: Prompt | undefined,
  options: QwenImageEditCall,
  { guided, kind, read }: {
    readonly guided: boolean;
    readonly kind: EditKind;
    readonly read: () => Promise<readonly Tensor[]>;
  },
): Promise<TextRows> {
  const { processor } = run.components;
  const { signal } = options;
  const see = async () => {
    const { textEncoder } = textReader(run.components);
    const codec = await run.images();
    const shown = (await read()).flatMap((image) => codec.fromTensor(image)); // as bytes
    return await textEncoder.see(await processor.patches(shown), { signal });
  };
  let seen: Promise<PatchedImages> | undefined;
  const encode = async (texts: readonly string[]): Promise<readonly Tensor[]> => {
    const { tokenizer, textEncoder } = textReader(run.components);
    const images = await (seen ??= see());
    const titles = images.imageGridThw.map(([frames, rows, columns], i) => {
      const tokens = frames * rows * columns / processor.config.merge_size ** 2;
      const pads = "<|image_pad|>".repeat(tokens);
      return `${kind.title(i + 1)}<|vision_start|>${pads}<|vision_end|>`;
    });
    const readText = oncePerText(async (text) => {
      const { inputIds } = tokenizer.encode(INSTRUCTION + titles.join("") + text + ANSWER);
      const given = { images, signal };
      const [states] = await textEncoder.hiddenStates(inputIds, [-1], given) as [Tensor];
      return states.squeeze(0).slice(0, INSTRUCTION_TOKENS, states.dims[1]!);
    });
    return await readText(texts);
  };
  return await encodeTextRows(prompt, options, { guided, encode });
}

/** Qwen-Image-Edit: an image that the language model reads and whose latents are tokens beside those that are made. */
export const qwenImageEdit: QwenImageEditFamily = editWith({
  name: "qwen-image-edit",
  most: 1,
  shapedBy: 0,
  title: () => "",
});

/** Qwen-Image-Edit-2509 and 2511: the same with several images, which the language model reads smaller. */
export const qwenImageEditPlus: QwenImageEditFamily = editWith({
  name: "qwen-image-edit-plus",
  most: 10,
  readArea: 384 ** 2,
  shapedBy: -1,
  title: (number) => `Picture ${number}: `,
});

/** Qwen-Image-Edit of a part of an image, whose latents the start makes; see {@linkcode fromEditMask}. */
export const qwenImageEditInpainting: QwenImageEditFamily = editWith({
  name: "qwen-image-edit",
  most: 1,
  shapedBy: 0,
  inpaints: true,
  title: () => "",
});

const start = fromMaskWith<QwenImageEditComponents>({
  seesMask: () => false,
  beginsWithImage: true,
});

/** From an image and a mask, whose latents the denoiser is given too. */
export const fromEditMask: Start<QwenImageEditComponents, MaskStartCall> = {
  ...start,
  async begin(run, options, facts) {
    const begun = await start.begin(run, options, facts);
    return { ...begun, denoiserInput: (scaled) => Tensor.cat([scaled, begun.clean!], 1) };
  },
};

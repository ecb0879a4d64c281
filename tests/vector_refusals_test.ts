/**
 * What pipelines that follow the vector of an image, or a mask alone, say to calls that cannot be.
 *
 * @module
 */
import { type AnyPipeline, Tensor } from "@denoise/denoise";
import { grey, PROMPT, type Refusal, refuses } from "./support/refusals.ts";
import { loadTask } from "./support/tasks.ts";

const loaded = (pipeline: string, repo: string, parts = {}) => () =>
  loadTask({ pipeline, repo, parts });

/** The same as {@linkcode refuses}, of pipelines without a prompt. */
function refusesWithoutPrompt(
  who: string,
  load: () => Promise<AnyPipeline>,
  good: object,
  all: readonly Refusal[],
): void {
  refuses(who, load, good, all, (pipe, options) => pipe(options));
}

const vectors = (count: number, width = 20) => Tensor.ones([count, width]);
const EMBEDS = {
  imageEmbeds: vectors(1),
  negativeImageEmbeds: vectors(1),
  numInferenceSteps: 2,
  seed: 1,
  height: 64,
  width: 64,
};
const DECODER: readonly Refusal[] = [
  ["no vectors", { imageEmbeds: undefined }, TypeError, "without imageEmbeds"],
  [
    "vectors of three dimensions",
    { imageEmbeds: Tensor.ones([1, 1, 20]) },
    TypeError,
    "[N, width]",
  ],
  ["guidance by nothing", { negativeImageEmbeds: undefined }, TypeError, "guidanceScale of 1"],
  ["more that is not wanted", { negativeImageEmbeds: vectors(2) }, TypeError, "must be equal"],
  [
    "vectors of another width",
    { imageEmbeds: vectors(1, 7), negativeImageEmbeds: vectors(1, 7) },
    TypeError,
    '"image_embeds" must be float32 [batch, 20]',
  ],
  ["no step", { numInferenceSteps: 0 }, RangeError, "numInferenceSteps 0"],
];
refusesWithoutPrompt(
  "KandinskyV22Pipeline",
  loaded("KandinskyV22Pipeline", "tiny-kandinsky22"),
  EMBEDS,
  [
    ...DECODER,
    ["latents of another size", { latents: Tensor.zeros([1, 4, 8, 9]) }, TypeError, "[1, 4, 8, 8]"],
    ["an image", { image: grey(64, 64) }, TypeError, '"image"'],
  ],
);
refusesWithoutPrompt(
  "KandinskyV22Img2ImgPipeline",
  loaded("KandinskyV22Img2ImgPipeline", "tiny-kandinsky22"),
  { ...EMBEDS, image: grey(64, 64), numInferenceSteps: 4 },
  [
    ...DECODER,
    ["no image", { image: undefined }, TypeError, "without image"],
    ["a strength above 1", { strength: 1.5 }, RangeError, "strength 1.5"],
    ["a strength that leaves no step", { strength: 0.1 }, RangeError, "at least 0.25"],
    [
      "three images for a vector",
      { image: Array(3).fill(grey(64, 64)) },
      RangeError,
      "images with 3",
    ],
    ["bytes of no image", { image: new Uint8Array(64) }, SyntaxError, "PNG, JPEG"],
  ],
);
const MASKED = { image: grey(64, 64), maskImage: grey(64, 64, 1) };
refusesWithoutPrompt(
  "KandinskyV22InpaintPipeline",
  loaded("KandinskyV22InpaintPipeline", "tiny-kandinsky22", {
    unet: "parts/UNet2DConditionModel/kandinsky22-inpaint",
  }),
  { ...EMBEDS, ...MASKED },
  [
    ...DECODER,
    ["no mask", { maskImage: undefined }, TypeError, "without maskImage"],
    ["no image", { image: undefined }, TypeError, "without image"],
    ["a size of no whole squares", { height: 72 }, RangeError, "multiples of 64"],
    [
      "two masks of an image",
      { maskImage: [grey(64, 64, 1), grey(64, 64, 1)] },
      RangeError,
      "2 masks",
    ],
    [
      "two images for a vector",
      { image: Array(2).fill(grey(64, 64)), maskImage: Array(2).fill(grey(64, 64, 1)) },
      RangeError,
      "2 images for 1 vectors",
    ],
  ],
);
refusesWithoutPrompt(
  "KandinskyV22InpaintPipeline",
  loaded("KandinskyV22InpaintPipeline", "tiny-kandinsky22"),
  { ...EMBEDS, ...MASKED },
  [["a UNet that does not inpaint", {}, RangeError, "must take 9"]],
);

const TEXT: readonly Refusal[] = [
  ...DECODER,
  [
    "two vectors for a prompt",
    { imageEmbeds: vectors(2), negativeImageEmbeds: vectors(2) },
    RangeError,
    "2 imageEmbeds for 1 prompts",
  ],
  ["more negative prompts", { negativePrompt: ["a", "b"] }, RangeError, "2 negative prompts"],
  ["a negative prompt that is no text", { negativePrompt: 5 }, TypeError, "negativePrompt"],
];
refuses("KandinskyPipeline", loaded("KandinskyPipeline", "tiny-kandinsky21"), EMBEDS, [
  ...TEXT,
  ["latents of another size", { latents: Tensor.zeros([1, 4, 8, 9]) }, TypeError, "[1, 4, 8, 8]"],
  ["embeds of a prompt", { promptEmbeds: vectors(1) }, TypeError, '"promptEmbeds"'],
]);
refusesWithoutPrompt(
  "KandinskyPipeline without a prompt",
  loaded("KandinskyPipeline", "tiny-kandinsky21"),
  EMBEDS,
  [["options alone", {}, TypeError, "give the prompt first"]],
);
refuses(
  "KandinskyImg2ImgPipeline",
  loaded("KandinskyImg2ImgPipeline", "tiny-kandinsky21"),
  { ...EMBEDS, image: grey(64, 64), numInferenceSteps: 4 },
  [
    ...TEXT,
    ["no image", { image: undefined }, TypeError, "without image"],
    ["a strength that leaves no step", { strength: 0.1 }, RangeError, "at least 0.25"],
    ["a size of no whole squares", { height: 72 }, RangeError, "multiples of 64"],
    [
      "three images for a prompt",
      { image: Array(3).fill(grey(64, 64)) },
      RangeError,
      "images with 3",
    ],
  ],
);
refuses(
  "KandinskyInpaintPipeline",
  loaded("KandinskyInpaintPipeline", "tiny-kandinsky21", {
    unet: "parts/UNet2DConditionModel/kandinsky21-inpaint",
  }),
  { ...EMBEDS, ...MASKED },
  [
    ...TEXT,
    ["no mask", { maskImage: undefined }, TypeError, "without maskImage"],
    ["a size of no whole squares", { width: 72 }, RangeError, "multiples of 64"],
  ],
);
refuses(
  "KandinskyInpaintPipeline of a UNet that makes images",
  loaded("KandinskyInpaintPipeline", "tiny-kandinsky21"),
  { ...EMBEDS, ...MASKED },
  [["what it was not trained for", {}, RangeError, "must take 9"]],
);

const image = grey(40, 33);
refuses(
  "StableUnCLIPImg2ImgPipeline",
  loaded("StableUnCLIPImg2ImgPipeline", "tiny-stable-unclip"),
  { image },
  [
    ["neither image nor vector", { image: undefined }, TypeError, "either image or imageEmbeds"],
    ["both of them", { imageEmbeds: vectors(1, 12) }, TypeError, "either image or imageEmbeds"],
    ["more noise than there is", { noiseLevel: 1000 }, RangeError, "from 0 to 999"],
    ["less noise than none", { noiseLevel: -1 }, RangeError, "noiseLevel -1"],
    ["three images for a prompt", { image: [image, image, image] }, RangeError, "images"],
    [
      "a vector of another width",
      { image: undefined, imageEmbeds: vectors(1, 7) },
      TypeError,
      "imageEmbeds of shape [1, 7]",
    ],
    ["pixels of another size", { image: Tensor.zeros([1, 3, 8, 9]) }, Error, "[1, 3, 8, 9]"],
    ["a size that is no multiple of 8", { height: 36 }, RangeError, "divisible by 8"],
  ],
);

const KEPT = { image: grey(32, 32), maskImage: grey(32, 32), numInferenceSteps: 8, jumpLength: 3 };
refusesWithoutPrompt(
  "RePaintPipeline",
  loaded("RePaintPipeline", "tiny-ddpm", {}),
  { ...KEPT, seed: 1 },
  [
    ["no mask", { maskImage: undefined }, TypeError, "without maskImage"],
    ["no image", { image: undefined }, TypeError, "without image"],
    ["a mask of another size", { maskImage: grey(64, 64) }, RangeError, "1 masks of 64x64"],
    ["two masks of an image", { maskImage: [grey(32, 32), grey(32, 32)] }, RangeError, "2 masks"],
    ["jumps of no length", { jumpLength: 0 }, RangeError, "jumpLength 0"],
    ["a prompt", { prompt: PROMPT }, TypeError, '"prompt"'],
    ["seed and generator", { generator: [] }, TypeError, "either seed or generator"],
    ["an image of other channels", { image: Tensor.zeros([1, 4, 32, 32]) }, Error, "4"],
  ],
);

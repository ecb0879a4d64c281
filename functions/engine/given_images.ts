import {
  type Image,
  type ImageCodec,
  type ImageEditor,
  type ImageInput,
  type Registry,
  roleKey,
} from "@denoise/core";
import { invalid } from "../contract/errors.ts";
import type { ControlUse, JobInput } from "../contract/job.ts";
import type { ModelInfo } from "../contract/model_info.ts";
import { computedImages, type SizeLimits, sizeProblem } from "../contract/size_limits.ts";

/**
 * An image that a caller gave, decoded; refused when a run on it would be too large.
 *
 * @param isSized Whether the pipeline takes a size itself: it stretches the image, or reads it in its own shape.
 */
export async function givenImage(
  input: JobInput,
  registry: Registry,
  model: Pick<ModelInfo, "width" | "height" | "options">,
  limits: SizeLimits,
  isSized: boolean,
): Promise<ImageInput | undefined> {
  const { image, width, height, fit = "stretch", maskPadding } = input;
  if (image === undefined) return undefined;
  const decoded = await decode(image, "image");
  const target = { width: width ?? decoded.width, height: height ?? decoded.height };
  const problem = sizeProblem({ ...target, count: computedImages(input, model) }, model, limits);
  if (problem !== undefined) throw invalid("image", `${problem}; give a smaller image, or a size`);
  const fits = target.width === decoded.width && target.height === decoded.height;
  const isStretched = fit === "stretch" && maskPadding === undefined;
  if (fits || (isStretched && isSized)) return decoded;
  const codec = await registry.images();
  if (isStretched) return await codec.toTensor(decoded, target);
  return await resized(codec, decoded, target, fit);
}

/** Images that are read together, each as it is; refused when a run on them would be too large. */
export async function givenImages(
  input: JobInput,
  model: Pick<ModelInfo, "width" | "height" | "options">,
  limits: SizeLimits,
): Promise<readonly ImageInput[] | undefined> {
  const { image, moreImages = [] } = input;
  if (image === undefined) return undefined;
  const count = computedImages(input, model);
  const images = await Promise.all([image, ...moreImages].map((one) => decode(one, "image")));
  for (const { width, height } of images) {
    const problem = sizeProblem({ width, height, count }, model, limits);
    if (problem !== undefined) throw invalid("image", `${problem}; give smaller images`);
  }
  return images;
}

/** Images of options that the pipeline alone has, as they are; refused when a run on them would be too large. */
export async function givenPictures(
  { pictures = {}, ...input }: JobInput,
  model: Pick<ModelInfo, "width" | "height" | "options">,
  limits: SizeLimits,
): Promise<Readonly<Record<string, Image | readonly Image[]>>> {
  const count = computedImages(input, model);
  const read = async (file: Uint8Array, field: string) => {
    const image = await decode(file, field);
    const problem = sizeProblem({ width: image.width, height: image.height, count }, model, limits);
    if (problem === undefined) return image;
    throw invalid(field, `${field}: ${problem}; give a smaller image`);
  };
  const found = Object.entries(pictures).map(async ([name, files]) => {
    const images = await Promise.all(files.map((file) => read(file, roleKey(name))));
    return [name, oneOrAll(images)];
  });
  return Object.fromEntries(await Promise.all(found));
}

/**
 * The images that say where things are, as options of a pipeline with ControlNets; refused when a run in their
 * size would be too large.
 *
 * @param options The options that the pipeline has.
 */
export async function givenControls(
  input: JobInput,
  registry: Registry,
  model: Pick<ModelInfo, "width" | "height" | "options">,
  limits: SizeLimits,
  options: object,
): Promise<object> {
  const { controls = [], width, height } = input;
  if (controls.length === 0) return {};
  const count = computedImages(input, model);
  const images = await Promise.all(controls.map(async ({ image, fit = "stretch" }) => {
    const decoded = await decode(image!, "controls");
    const target = { width: width ?? decoded.width, height: height ?? decoded.height };
    const problem = sizeProblem({ ...target, count }, model, limits);
    if (problem !== undefined) {
      throw invalid("controls", `${problem}; give a smaller image, or a size`);
    }
    return fit === "stretch"
      ? decoded
      : await resized(await registry.images(), decoded, target, fit);
  }));
  const each = <T>(value: (use: ControlUse) => T | undefined, standard: T) => {
    const values = controls.map(value);
    if (values.every((one) => one === undefined)) return undefined;
    return oneOrAll(values.map((one) => one ?? standard));
  };
  if ("adapterConditioningScale" in options) {
    const { end = 1 } = controls[0]!;
    if (end < 1 && !("adapterConditioningFactor" in options)) {
      throw invalid(
        "controls",
        `A T2I-Adapter of this model cannot end at ${end}: leave the end out`,
      );
    }
    return {
      image: oneOrAll(images),
      adapterConditioningScale: each(({ scale }) => scale, 1),
      ...end < 1 && { adapterConditioningFactor: end },
    };
  }
  const name = "controlImage" in options ? "controlImage" : "image"; // of text alone diffusers calls it so
  return {
    [name]: oneOrAll(images),
    controlnetConditioningScale: each(({ scale }) => scale, 1),
    controlGuidanceStart: each(({ start }) => start, 0),
    controlGuidanceEnd: each(({ end }) => end, 1),
    controlMode: each(({ mode }) => mode, 0),
  };
}

/** A list as pipelines take it: one alone is given without it. */
function oneOrAll<T>(list: readonly T[]): T | readonly T[] {
  return list.length === 1 ? list[0]! : list;
}

/** An image of another size, as an image: in its own shape, or to be put back around a part. */
async function resized(
  codec: ImageCodec,
  image: Image,
  { width, height }: { readonly width: number; readonly height: number },
  fit: NonNullable<JobInput["fit"]>,
): Promise<Image> {
  const editor = editorOf(codec);
  const opaque = image.channels === 4 ? await editor.open(image, "RGB") : image;
  return editor.resize(opaque, width, height, { fit });
}

function editorOf({ editor }: ImageCodec): ImageEditor {
  if (editor !== undefined) return editor;
  throw invalid("image", "Cannot change the image's shape: the image plugin here cannot");
}

/**
 * A mask that a caller gave: its transparent part is inpainted where it has one, as the OpenAI API
 * has it, else its white part, as diffusers has it. It follows the image to its size and shape.
 */
export async function givenMask(input: JobInput, registry: Registry): Promise<Image | undefined> {
  const { mask, invertsMask, maskBlur, width, height, fit = "stretch" } = input;
  if (mask === undefined) return undefined;
  let covered = await coveredBy(mask);
  const hasSize = width !== undefined && height !== undefined;
  if (!invertsMask && maskBlur === undefined && (fit === "stretch" || !hasSize)) return covered;
  const codec = await registry.images();
  const editor = editorOf(codec);
  covered = await editor.open(covered, "L");
  if (hasSize && fit !== "stretch") covered = await resized(codec, covered, { width, height }, fit);
  if (invertsMask) {
    covered = await grey(
      covered.width,
      covered.height,
      covered.data.map((v) => 255 - v),
    );
  }
  return maskBlur === undefined ? covered : editor.blur(covered, maskBlur);
}

async function grey(width: number, height: number, data: Uint8Array): Promise<Image> {
  const { DenoiseImage } = await import("@denoise/denoise");
  return new DenoiseImage(width, height, 1, data);
}

async function coveredBy(mask: Uint8Array): Promise<Image> {
  const decoded = await decode(mask, "mask");
  const { width, height, channels, data } = decoded;
  if (channels !== 4) return decoded;
  const covered = new Uint8Array(width * height);
  let transparent = false;
  for (let i = 0; i < covered.length; i++) {
    covered[i] = 255 - data[i * 4 + 3]!;
    transparent ||= covered[i] !== 0;
  }
  return transparent ? await grey(width, height, covered) : decoded;
}

async function decode(bytes: Uint8Array, field: string): Promise<Image> {
  const { decodeImage } = await import("@denoise/denoise");
  try {
    return await decodeImage(bytes);
  } catch (error) {
    const message = error instanceof Error && error.message.startsWith("Cannot read")
      ? error.message
      : "Cannot read the image: its pixels do not decode";
    throw invalid(field, message);
  }
}

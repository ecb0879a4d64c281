import {
  isFolder,
  joinPath,
  type LoadOptions,
  loadOptions,
  locateComponent,
  type Model,
  type Registry,
} from "@denoise/core";
import type { IpAdapterFile } from "./read.ts";

/** Where the image encoder of an IP-Adapter lies. */
export interface EncoderOptions extends LoadOptions {
  /** The folder of the file, in the folder that is given. */
  readonly subfolder?: string | undefined;
  /** The folder of the image encoder. Defaults to `"image_encoder"`; null to load none. */
  readonly imageEncoderFolder?: string | null | undefined;
  /** A repo or folder that has the image encoder, such as `"openai/clip-vit-large-patch14"`. */
  readonly imageEncoderPretrainedModelNameOrPath?: string | undefined;
  /** The folder of the image encoder in that one. */
  readonly imageEncoderSubfolder?: string | undefined;
}

/** The parts of a pipeline that encode images. */
export interface EncodingParts {
  readonly imageEncoder?: Model<{ readonly image_size: number }> | null;
  readonly featureExtractor?: unknown;
}

/** What the class of CLIPImageProcessor can do. */
interface ProcessorClass {
  using(registry: Registry): { create(options: object): unknown };
}

const NAME = "IP-Adapter";

/** Loads what a pipeline needs to encode images, and has not. */
export async function loadEncoders(
  parts: EncodingParts,
  folder: string,
  kind: IpAdapterFile["kind"],
  options: EncoderOptions,
  registry: Registry,
): Promise<Partial<EncodingParts>> {
  const given = Object.entries(options).filter(([name]) => Object.hasOwn(loadOptions, name));
  const request: LoadOptions = { ...Object.fromEntries(given), registry };
  const place = await placeOf(folder, options);
  const isSiglip = kind === "sd3";
  const load = async (className: string) => {
    const plugin = await registry.get(className, undefined, NAME);
    const isModel = plugin.kind === "model";
    const where = { ...request, subfolder: place!.subfolder };
    const location = await locateComponent(place!.id, where, registry, isModel);
    return await plugin.load(location, request);
  };
  const imageEncoder = parts.imageEncoder ?? (place &&
    await load(isSiglip ? "SiglipVisionModel" : "CLIPVisionModelWithProjection") as Model<
      { readonly image_size: number }
    >);
  if (!imageEncoder) return {};
  if (parts.featureExtractor) return { imageEncoder };
  if (isSiglip) {
    return place === undefined
      ? { imageEncoder }
      : { imageEncoder, featureExtractor: await load("SiglipImageProcessor") };
  }
  const size = imageEncoder.config.image_size;
  const processor = await registry.get("CLIPImageProcessor", "processor", NAME);
  const featureExtractor = (processor as unknown as ProcessorClass).using(registry).create({
    size: { shortest_edge: size },
    crop_size: { height: size, width: size },
  });
  return { imageEncoder, featureExtractor };
}

/** The folder of the image encoder: beside the adapter, unless its name has a place of its own. */
export function encoderFolder(name: string, subfolder: string | undefined): string {
  return name.includes("/") ? joinPath(name) : joinPath(subfolder, name);
}

/** The repo or folder of the image encoder, and the folder in it; undefined where there is none. */
async function placeOf(
  folder: string,
  options: EncoderOptions,
): Promise<{ readonly id: string; readonly subfolder?: string | undefined } | undefined> {
  const { imageEncoderPretrainedModelNameOrPath: id, imageEncoderSubfolder } = options;
  if (id !== undefined) return { id, subfolder: imageEncoderSubfolder };
  const { imageEncoderFolder: name = "image_encoder", subfolder } = options;
  if (name === null) return undefined;
  const path = joinPath(folder, encoderFolder(name, subfolder));
  return await isFolder(path) ? { id: path } : undefined;
}

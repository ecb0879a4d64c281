/**
 * IP-Adapter: images that say what is wanted, as keys and values of their own in each attention
 * to the text. Ye et al., "IP-Adapter: Text Compatible Image Prompt Adapter for Text-to-Image
 * Diffusion Models" (arXiv:2308.06721).
 *
 * Plain, Plus, Full-Face, FaceID and FaceID-Plus files in the layout of h94/IP-Adapter, several at once, each with its
 * scale, and masks that say where they count (`crossAttentionKwargs: { ipAdapterMasks }`); XLabs' for FLUX.1, and InstantX's for
 * Stable Diffusion 3.5, which is used alone. The base weights stay mapped as they are; only sessions are made again.
 *
 * @example
 * ```ts ignore
 * import { DiffusionPipeline } from "@denoise/denoise";
 *
 * const pipe = await DiffusionPipeline.fromPretrained("stable-diffusion-v1-5/stable-diffusion-v1-5");
 * await pipe.loadIpAdapter("h94/IP-Adapter", {
 *   subfolder: "models",
 *   weightName: "ip-adapter_sd15.safetensors",
 * });
 * await pipe.setIpAdapterScale(0.6);
 * const { images } = await pipe("a cat in a garden", { ipAdapterImage: "statue.png" });
 * ```
 *
 * @module
 */
import {
  type AdapterClass,
  type CallOptions,
  checkOptions,
  DenoiseError,
  loadOptions,
  Registry,
} from "@denoise/core";
import { type AdapterFiles, adapterFiles, defineAdapter } from "@denoise/adapters";
import {
  encoderFolder,
  type EncoderOptions,
  type EncodingParts,
  loadEncoders,
} from "./encoders.ts";
import { type AdaptedDenoiser, extensionOf } from "./extension.ts";
import { setFaces } from "./faces.ts";
import { readIpAdapter } from "./read.ts";
import { type IpAdapterScale, scaled } from "./scales.ts";

export type { EncoderOptions, IpAdapterScale };

/** A pipeline, or anything with components that can be replaced. */
export interface ImagePromptable {
  /** The components by role. */
  readonly components: object;
  /** Has the class of the image encoder. */
  readonly registry?: Registry | undefined;
}

/**
 * How an IP-Adapter is loaded.
 *
 * @category Adapters
 */
export interface IpAdapterOptions extends EncoderOptions {
  /** The file, or several for several IP-Adapters. */
  readonly weightName?: string | readonly string[] | undefined;
  /** Whether FaceID-Plus adapters are of the second version, whose faces are added to what is seen. Defaults to false. */
  readonly shortcut?: boolean | undefined;
}

const ipAdapterOptions: CallOptions<IpAdapterOptions> = {
  ...loadOptions,
  subfolder: { type: "string" },
  weightName: { type: "string", list: "allowed" },
  shortcut: { type: "boolean" },
  imageEncoderFolder: { type: "string", nullable: true },
  imageEncoderPretrainedModelNameOrPath: { type: "string" },
  imageEncoderSubfolder: { type: "string" },
};

const NAME = "IP-Adapter";

/** The UNet or transformer of a pipeline whose images may follow others. */
function denoiserOf({ components }: ImagePromptable): AdaptedDenoiser {
  const { unet, transformer, ...parts } = components as Readonly<
    Record<string, AdaptedDenoiser | undefined>
  >;
  const denoiser = unet ?? transformer;
  if (typeof denoiser?.setExtension === "function" && "imageEncoder" in parts) return denoiser;
  throw new DenoiseError(
    "missing_component",
    "Cannot use an IP-Adapter: the pipeline has no unet or transformer that takes one",
  );
}

/** The files, and where a repo has an image encoder for them, that too. */
async function filesOf(
  source: string | URL,
  options: IpAdapterOptions,
  needsEncoder: boolean,
  registry: Registry,
): Promise<AdapterFiles> {
  const { weightName, subfolder, imageEncoderFolder: folder = "image_encoder" } = options;
  const names = [weightName ?? []].flat() as string[];
  const isWanted = needsEncoder && folder !== null &&
    options.imageEncoderPretrainedModelNameOrPath === undefined;
  return await adapterFiles(
    source,
    {
      choose: () => {
        if (names.length > 0) return names;
        const where = JSON.stringify(String(source));
        throw new TypeError(
          `Cannot load an IP-Adapter from the folder ${where}: say which file as weightName`,
        );
      },
      beside: (all) => isWanted ? all.filter(isInEncoder(encoderFolder(folder, subfolder))) : [],
    },
    options,
    registry,
  );
}

/** Which files of a repo are those of an image encoder in that folder. */
function isInEncoder(folder: string): (file: string) => boolean {
  return (file) => {
    const name = file.slice(folder.length + 1);
    return file.startsWith(`${folder}/`) &&
      /^(\w*config\.json|model(-\d+-of-\d+)?\.safetensors(\.index\.json)?)$/.test(name);
  };
}

/**
 * Loads IP-Adapters in the place of those that are there, with their image encoder, and with the LoRAs of
 * FaceID adapters, which are adapters named `faceid_0`, ... (`load_ip_adapter`).
 *
 * @param source A folder or the id of a repo, or a .safetensors file or one of torch (.bin).
 * @throws {TypeError} for an unknown option, and a folder or repo without `weightName`.
 * @throws {RangeError} for IP-Adapters of another model.
 * @throws {DenoiseError} `missing_component` for a pipeline whose UNet or transformer takes none.
 * @category Adapters
 *
 * @example
 * ```ts ignore
 * import { loadImage, StableDiffusionPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionPipeline.fromPretrained("./stable-diffusion-v1-5");
 * await pipe.loadIpAdapter("./IP-Adapter", {
 *   subfolder: "models",
 *   weightName: "ip-adapter_sd15.safetensors",
 * });
 * await pipe("a cat", { ipAdapterImage: await loadImage("style.png") });
 * ```
 */
export async function loadIpAdapter(
  pipe: ImagePromptable,
  source: string | URL,
  options: IpAdapterOptions = {},
): Promise<void> {
  checkOptions("load an IP-Adapter", options, ipAdapterOptions);
  const denoiser = denoiserOf(pipe);
  const registry = options.registry ?? pipe.registry ?? new Registry();
  const { imageEncoder } = pipe.components as EncodingParts;
  const { root, files } = await filesOf(source, options, !imageEncoder, registry);
  const read = await Promise.all(files.map(readIpAdapter));
  await denoiser.setExtension(NAME, extensionOf(denoiser, read, options.shortcut ?? false));
  await setFaces(denoiser, read);
  const { kind } = read[0]!;
  Object.assign(pipe, await loadEncoders(pipe.components, root, kind, options, registry));
}

/**
 * Says how much images count: 1 as trained, 0 not at all (`set_ip_adapter_scale`). Defaults to 1, for Stable
 * Diffusion 3 to 0.5.
 *
 * @param scale One for all IP-Adapters, or one for each: a number, for a UNet a list with one for each image of a call
 *   that masks them, or scales by blocks of a UNet, where those
 *   that are not named get 0 (InstantStyle, arXiv:2404.02733), or a list for the blocks of a transformer.
 * @throws {RangeError} when there are more or fewer than IP-Adapters, and for blocks that are not there.
 *
 * @category Adapters
 *
 * @example Only the style of an image, with Stable Diffusion XL
 * ```ts ignore
 * import { StableDiffusionXLPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionXLPipeline.fromPretrained("./stable-diffusion-xl-base-1.0");
 * await pipe.loadIpAdapter("./IP-Adapter/sdxl_models/ip-adapter_sdxl.safetensors");
 * await pipe.setIpAdapterScale({ up: { block_0: [0, 1, 0] } });
 * ```
 */
export async function setIpAdapterScale(
  pipe: ImagePromptable,
  scale: IpAdapterScale | readonly IpAdapterScale[],
): Promise<void> {
  const denoiser = denoiserOf(pipe);
  const tensors = scaled(denoiser, denoiser.extensions.get(NAME) ?? new Map(), scale);
  await denoiser.setExtension(NAME, tensors);
}

/**
 * Takes the IP-Adapters away, and the image encoder and the LoRAs of faces with them (`unload_ip_adapter`).
 *
 * @category Adapters
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionPipeline.fromPretrained("./stable-diffusion-v1-5");
 * await pipe.loadIpAdapter("./IP-Adapter", {
 *   subfolder: "models",
 *   weightName: "ip-adapter_sd15.safetensors",
 * });
 * await pipe.unloadIpAdapter();
 * ```
 */
export async function unloadIpAdapter(pipe: ImagePromptable): Promise<void> {
  const denoiser = denoiserOf(pipe);
  if (!denoiser.extensions.has(NAME)) return;
  await denoiser.setExtension(NAME, undefined);
  await setFaces(denoiser, []);
  const { components } = pipe;
  await (components as EncodingParts).imageEncoder?.dispose();
  const isAlone = !("safetyChecker" in components); // which takes what the extractor makes, too
  Object.assign(pipe, { imageEncoder: null, ...(isAlone ? { featureExtractor: null } : {}) });
}

/** Gives pipelines the functions of this module as methods (`IPAdapterMixin` of diffusers). */
export const IPAdapterMixin: AdapterClass<{
  readonly loadIpAdapter: typeof loadIpAdapter;
  readonly setIpAdapterScale: typeof setIpAdapterScale;
  readonly unloadIpAdapter: typeof unloadIpAdapter;
}> = defineAdapter({
  className: "IPAdapterMixin",
  functions: { loadIpAdapter, setIpAdapterScale, unloadIpAdapter },
});

/**
 * IP-Adapter: images that say what is wanted, as keys and values of their own in each attention
 * to the text. Ye et al., "IP-Adapter: Text Compatible Image Prompt Adapter for Text-to-Image
 * Diffusion Models" (arXiv:2308.06721).
 *
 * Plain, Plus and Full-Face files in the layout of h94/IP-Adapter, several at once, each with its
 * scale. The base weights stay mapped as they are; only sessions are made again. Not covered: FaceID
 * adapters, masks (`ip_adapter_masks`).
 *
 * @example
 * ```ts ignore
 * import { DiffusionPipeline } from "@denoise/denoise";
 *
 * const pipe = await DiffusionPipeline.fromPretrained("stable-diffusion-v1-5/stable-diffusion-v1-5");
 * await pipe.loadIpAdapter("./IP-Adapter", {
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
  isFolder,
  joinPath,
  type LoadOptions,
  loadOptions,
  type Model,
  Registry,
} from "@denoise/core";
import {
  type AdaptableModel,
  attentionScales,
  type BlockScales,
  defineAdapter,
} from "@denoise/adapters";
import type { ExtendableModel } from "@denoise/onnx";
import type { StoredTensor } from "@denoise/safetensors";
import { type IpAdapterFile, numberTensor, readIpAdapter } from "./read.ts";

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
export interface IpAdapterOptions extends LoadOptions {
  /** The folder of the file, in the folder that is given. */
  readonly subfolder?: string | undefined;
  /** The file, or several for several IP-Adapters. */
  readonly weightName?: string | readonly string[] | undefined;
  /** The folder of the image encoder. Defaults to `"image_encoder"`; null to load none. */
  readonly imageEncoderFolder?: string | null | undefined;
}

const ipAdapterOptions: CallOptions<IpAdapterOptions> = {
  ...loadOptions,
  subfolder: { type: "string" },
  weightName: { type: "string", list: "allowed" },
  imageEncoderFolder: { type: "string", nullable: true },
};

type UNet = ExtendableModel & AdaptableModel;

const NAME = "IP-Adapter";
const SCALE = /\.processor\.scale\.(\d+)$/;

function unetOf({ components }: ImagePromptable): UNet {
  const { unet } = components as { unet?: UNet };
  if (typeof unet?.setExtension === "function") return unet;
  throw new DenoiseError(
    "missing_component",
    "Cannot use an IP-Adapter: the pipeline has no unet that takes one",
  );
}

/** The attentions to the text in the order of the file: down, up, middle (`attn_processors`). */
function attentionsOf(unet: UNet): [path: string, shape: readonly number[]][] {
  const order = ["down_blocks", "up_blocks", "mid_block"];
  const rank = ([path]: [string, unknown]) => [
    order.indexOf(path.split(".")[0]!),
    ...(path.match(/\d+/g) ?? []).map(Number),
  ];
  return [...unet.layerShapes]
    .filter(([layer]) => layer.endsWith(".attn2.to_k"))
    .map(([layer, shape]): [string, readonly number[]] => [layer.slice(0, -".to_k".length), shape])
    .sort((a, b) => {
      const [first, second] = [rank(a), rank(b)];
      const at = first.findIndex((value, i) => value !== second[i]);
      return at === -1 ? 0 : first[at]! - second[at]!;
    });
}

/** The tensors that the adapters add to the UNet. */
function extensionOf(unet: UNet, files: readonly IpAdapterFile[]): Map<string, StoredTensor> {
  const attentions = attentionsOf(unet);
  const tensors = new Map<string, StoredTensor>();
  for (const [i, { projection, layers }] of files.entries()) {
    const path = `encoder_hid_proj.image_projection_layers.${i}`;
    for (const [name, tensor] of projection) tensors.set(`${path}.${name}`, tensor);
    if (layers.length !== attentions.length) {
      throw new RangeError(
        `Cannot load an IP-Adapter for ${layers.length} attentions into a UNet with ` +
          `${attentions.length}; is it of another model?`,
      );
    }
    for (const [n, [layer, shape]] of attentions.entries()) {
      const { key, value } = layers[n]!;
      for (const { dims } of [key, value]) {
        if (String(dims) === String(shape)) continue;
        throw new RangeError(
          `Cannot load the IP-Adapter: its weights for "${layer}" are [${dims.join(", ")}], but ` +
            `the UNet needs [${shape.join(", ")}]; is it of another model?`,
        );
      }
      tensors.set(`${layer}.processor.to_k_ip.${i}.weight`, key);
      tensors.set(`${layer}.processor.to_v_ip.${i}.weight`, value);
      tensors.set(`${layer}.processor.scale.${i}`, numberTensor(1));
    }
  }
  return tensors;
}

async function filesOf(
  path: string,
  { subfolder, weightName }: IpAdapterOptions,
): Promise<string[]> {
  if (!await isFolder(path)) return [path];
  const names = [weightName ?? []].flat() as string[];
  if (names.length > 0) return names.map((name) => joinPath(path, subfolder, name));
  throw new TypeError(
    `Cannot load an IP-Adapter from the folder ${
      JSON.stringify(path)
    }: say which file as weightName`,
  );
}

/** What the class of CLIPImageProcessor can do. */
interface ProcessorClass {
  using(registry: Registry): { create(options: object): unknown };
}

/** Gives a pipeline what it needs to encode images, where it has none. */
async function addEncoder(
  pipe: ImagePromptable,
  folder: string,
  options: IpAdapterOptions,
  registry: Registry,
): Promise<void> {
  const parts = pipe.components as { imageEncoder?: unknown; featureExtractor?: unknown };
  const { imageEncoderFolder: name = "image_encoder", subfolder } = options;
  if (name === null) return;
  const path = name.includes("/") ? joinPath(folder, name) : joinPath(folder, subfolder, name);
  let encoder = parts.imageEncoder as Model<{ image_size: number }> | null | undefined;
  if (!encoder && await isFolder(path)) {
    const plugin = await registry.get("CLIPVisionModelWithProjection", "model", NAME);
    encoder = await plugin.load({ path, id: path }, options) as Model<{ image_size: number }>;
    Object.assign(pipe, { imageEncoder: encoder });
  }
  if (!encoder || parts.featureExtractor) return;
  const size = encoder.config.image_size;
  const processor = await registry.get("CLIPImageProcessor", "processor", NAME);
  const made = (processor as unknown as ProcessorClass).using(registry).create({
    size: { shortest_edge: size },
    crop_size: { height: size, width: size },
  });
  Object.assign(pipe, { featureExtractor: made });
}

/**
 * Loads IP-Adapters in the place of those that are there, with their image encoder
 * (`load_ip_adapter`).
 *
 * @param source A folder, or a .safetensors file.
 * @throws {TypeError} for an unknown option, and a folder without `weightName`.
 * @throws {RangeError} for IP-Adapters of another model.
 * @throws {DenoiseError} `missing_component` for a pipeline whose UNet takes none.
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
  const unet = unetOf(pipe);
  const path = source instanceof URL ? decodeURIComponent(source.pathname) : source;
  const files = await filesOf(path, options);
  const read = await Promise.all(files.map(readIpAdapter));
  await unet.setExtension(NAME, extensionOf(unet, read));
  const registry = options.registry ?? pipe.registry ?? new Registry();
  if (await isFolder(path)) await addEncoder(pipe, path, options, registry);
}

/**
 * Says how much images count: 1 as trained, 0 not at all (`set_ip_adapter_scale`).
 *
 * @param scale One for all IP-Adapters, or one for each: a number, or scales by blocks, where those that
 *   are not named get 0 (InstantStyle, arXiv:2404.02733).
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
  scale: number | BlockScales | readonly (number | BlockScales)[],
): Promise<void> {
  const unet = unetOf(pipe);
  const tensors = unet.extensions.get(NAME) ?? new Map<string, StoredTensor>();
  const numbers = [...tensors.keys()].filter((name) => SCALE.test(name));
  const count = new Set(numbers.map((name) => name.match(SCALE)![1])).size;
  const scales = Array.isArray(scale)
    ? scale as readonly (number | BlockScales)[]
    : Array<number | BlockScales>(count).fill(scale as number | BlockScales);
  if (count === 0 || scales.length !== count) {
    throw new RangeError(
      `Cannot set the scale of ${count} IP-Adapters to ${JSON.stringify(scale)}: ` +
        (count === 0 ? "call loadIpAdapter first" : "give one, or one for each"),
    );
  }
  const paths = [...new Set(numbers.map((name) => name.replace(SCALE, "")))];
  const scaleOf = scales.map((one) => attentionScales(one, paths, 0));
  const changed = [...tensors].map(([name, tensor]): [string, StoredTensor] => {
    const which = name.match(SCALE)?.[1];
    if (which === undefined) return [name, tensor];
    return [name, numberTensor(scaleOf[Number(which)]!(name.replace(SCALE, "")))];
  });
  await unet.setExtension(NAME, new Map(changed));
}

/**
 * Takes the IP-Adapters away, and the image encoder with them (`unload_ip_adapter`).
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
  const unet = unetOf(pipe);
  if (!unet.extensions.has(NAME)) return;
  await unet.setExtension(NAME, undefined);
  await (pipe.components as { imageEncoder?: Model | null }).imageEncoder?.dispose();
  Object.assign(pipe, { imageEncoder: null });
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

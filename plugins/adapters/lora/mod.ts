/**
 * LoRA: low-rank changes of a pipeline's UNet or transformer and its text encoders (Hu et al.,
 * arXiv:2106.09685), from .safetensors files in the styles of diffusers, PEFT, kohya, ai-toolkit, ComfyUI
 * and XLabs, by diffusers' layer names of any year or those of the original Stable Diffusion 1 to 3,
 * FLUX.1 and Chroma, where a change of several layers in one is taken apart; also DoRA (arXiv:2402.09353),
 * and LoCon, LoHa, LoKr and whole differences as LyCORIS names them (arXiv:2309.14859). Several can be mixed; the base weights stay
 * mapped as they are, only the sessions are made again.
 *
 * What PEFT's config beside the tensors says (diffusers writes it into the header of the file, PEFT into
 * adapter_config.json) is honoured: rank and alpha, for all layers or by patterns, rank-stabilised or
 * not (arXiv:2312.03732), DoRA, biases. Alpha tensors count for each layer by itself; diffusers 0.42.1
 * takes the most frequent one for attentions.
 *
 * For FLUX.1 files of kohya's and ComfyUI's change T5, biases, the embedders and the last layer, too, with
 * their alphas; diffusers 0.42.1 passes over these.
 *
 * Control LoRAs of FLUX.1 (Canny and Depth, for FluxControlPipeline) make the transformer's input wider
 * and put lengths of queries and keys in the place of its own, at any weight, until they are taken away.
 * diffusers 0.42.1 changes the last layer by another product than theirs: it swaps halves of `lora_A` too.
 *
 * Not covered: other kinds of LyCORIS (GLoRA, (IA)³, OFT, norms), DoRA with a length for each input, and
 * options of PEFT that change the base weights or replace modules (PiSSA, OLoRA, CorDA, modules_to_save,
 * ...); a file that has them is refused.
 *
 * @example
 * ```ts ignore
 * import { DiffusionPipeline } from "@denoise/denoise";
 *
 * const pipe = await DiffusionPipeline.fromPretrained("stable-diffusion-v1-5/stable-diffusion-v1-5");
 * await pipe.loadLoraWeights("./pixel-art.safetensors", { adapterName: "pixel" });
 * await pipe.setAdapters(["pixel"], [0.8]);
 * ```
 *
 * @module
 */
import { readdir } from "node:fs/promises";
import {
  type AdapterClass,
  type CallOptions,
  checkOptions,
  DenoiseError,
  isFolder,
  joinPath,
} from "@denoise/core";
import {
  type AdaptableModel,
  attentionScales,
  type BlockScales,
  defineAdapter,
  type LoraAdapter,
} from "@denoise/adapters";
import { readLora } from "./read.ts";

/** A pipeline, or anything with components. */
export interface Adaptable {
  /** The components by role. */
  readonly components: object;
}

/**
 * How a LoRA is loaded.
 *
 * @category Adapters
 */
export interface LoraOptions {
  /** Tells what of the file is left aside. Defaults to `console.warn`. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** What it is called. Defaults to `"default"` and a number. */
  readonly adapterName?: string | undefined;
  /** How much of it is applied. Defaults to 1. */
  readonly weight?: number | undefined;
  /**
   * The file in a folder. Defaults to `pytorch_lora_weights.safetensors`, `adapter_model.safetensors`, or
   * the only .safetensors file.
   */
  readonly weightName?: string | undefined;
}

const loraOptions: CallOptions<LoraOptions> = {
  onWarning: { type: "function" },
  adapterName: { type: "string" },
  weight: { type: "number" },
  weightName: { type: "string" },
};

function isAdaptable(part: unknown): part is AdaptableModel {
  return typeof (part as AdaptableModel | null)?.setAdapters === "function";
}

function adaptableParts({ components }: Adaptable): [string, AdaptableModel][] {
  return Object.entries(components).filter((entry): entry is [string, AdaptableModel] =>
    isAdaptable(entry[1])
  );
}

/**
 * Names of the adapters that a pipeline's models have, in the order in which they came.
 *
 * @category Adapters
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionPipeline.fromPretrained("./stable-diffusion-v1-5");
 * await pipe.loadLoraWeights("./pixel-art.safetensors", { adapterName: "pixel" });
 * console.log(await pipe.getActiveAdapters()); // ["pixel"]
 * ```
 */
export function getActiveAdapters(pipe: Adaptable): string[] {
  const names = adaptableParts(pipe).flatMap(([_, { adapters }]) => adapters.map((a) => a.name));
  return [...new Set(names)];
}

/** Names that diffusers and PEFT give to the file of a LoRA. */
const NAMES = ["pytorch_lora_weights.safetensors", "adapter_model.safetensors"];

/** The file of that name, of the usual name, or the only .safetensors file of a folder. */
async function fileOf(path: string | URL, weightName: string | undefined): Promise<string> {
  const name = path instanceof URL ? decodeURIComponent(path.pathname) : path;
  if (!await isFolder(name)) return name;
  if (weightName !== undefined) return joinPath(name, weightName);
  const files = (await readdir(name))
    .filter((file) => file.endsWith(".safetensors")).sort();
  const usual = NAMES.find((one) => files.includes(one));
  if (usual !== undefined) return joinPath(name, usual);
  if (files.length === 1) return joinPath(name, files[0]!);
  throw new DenoiseError(
    "missing_file",
    `Cannot load a LoRA from ${name}: it has ${files.join(", ") || "no .safetensors file"}; give ` +
      `weightName`,
  );
}

/**
 * Loads a LoRA and applies it, beside those that are there (`load_lora_weights`).
 *
 * @param path A .safetensors file, or a folder that holds one.
 * @returns The adapter's name.
 * @throws {DenoiseError} `unexpected_tensor` when it is no LoRA, one of another model, or one with
 *   something in its names or its note that changes the result and is not supported.
 * @throws {TypeError} for an unknown option.
 * @throws {RangeError} when an adapter of that name is there, or shapes do not fit.
 * @category Adapters
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionPipeline.fromPretrained("./stable-diffusion-v1-5");
 * await pipe.loadLoraWeights("./pixel-art.safetensors");
 * await pipe("a castle, pixel art");
 * ```
 */
export async function loadLoraWeights(
  pipe: Adaptable,
  path: string | URL,
  options: LoraOptions = {},
): Promise<string> {
  checkOptions("load a LoRA", options, loraOptions);
  const taken = getActiveAdapters(pipe);
  const { adapterName: name = `default_${taken.length}`, weight = 1 } = options;
  if (!Number.isFinite(weight)) {
    throw new RangeError(`Cannot load a LoRA with the weight ${weight}: give a number`);
  }
  if (taken.includes(name)) {
    throw new RangeError(
      `Cannot load a LoRA as ${JSON.stringify(name)}: there is one of that name; give another ` +
        `adapterName, or call unloadLoraWeights first`,
    );
  }
  const parts = new Map(adaptableParts(pipe));
  const file = await fileOf(path, options.weightName);
  const shapes = new Map([...parts].map(([role, part]) => [role, part.layerShapes]));
  const { changes, missing } = await readLora(file, shapes);
  if (missing.length > 0) {
    const { onWarning = console.warn } = options;
    onWarning(
      `The LoRA ${file} also changes ${
        missing.join(", ")
      }, which the pipeline lacks: that part is ` +
        `left aside`,
    );
  }
  const before = new Map([...parts].map(([role, part]) => [role, part.adapters]));
  try {
    for (const [component, change] of changes) {
      const part = parts.get(component)!;
      await part.setAdapters([...part.adapters, { name, weight, ...change }]);
    }
  } catch (error) {
    for (const [role, part] of parts) await part.setAdapters(before.get(role)!);
    throw error;
  }
  return name;
}

/**
 * How much of an adapter is applied to each component. Defaults to 1; to a UNet also by blocks, where
 * those that are not named get 1.
 *
 * @category Adapters
 */
export interface AdapterWeights {
  /** To the UNet. */
  readonly unet?: number | BlockScales | undefined;
  /** To the text encoder. */
  readonly textEncoder?: number | undefined;
  /** To the transformer. */
  readonly transformer?: number | undefined;
  /** To the second text encoder. */
  readonly textEncoder2?: number | undefined;
  /** To the third text encoder. */
  readonly textEncoder3?: number | undefined;
}

/**
 * Says how much of each adapter is applied; those that are not named are turned off
 * (`set_adapters`).
 *
 * @param weights One for each name, or one for all: a number, or weights by components and blocks; 1
 *   by default.
 * @throws {RangeError} for a name, a component or a block that is not there.
 *
 * @category Adapters
 *
 * @example Half of it in the up blocks, nothing in the text encoder
 * ```ts ignore
 * import { StableDiffusionPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionPipeline.fromPretrained("./stable-diffusion-v1-5");
 * await pipe.loadLoraWeights("./pixel-art.safetensors", { adapterName: "pixel" });
 * await pipe.setAdapters("pixel", { unet: { up: 0.5 }, textEncoder: 0 });
 * ```
 */
export async function setAdapters(
  pipe: Adaptable,
  names: string | readonly string[],
  weights: number | AdapterWeights | readonly (number | AdapterWeights)[] = 1,
): Promise<void> {
  const wanted = [names].flat() as string[];
  const known = getActiveAdapters(pipe);
  const unknown = wanted.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new RangeError(
      `Cannot use the adapter ${JSON.stringify(unknown)}: there are ${known.join(", ") || "none"}`,
    );
  }
  const list = Array.isArray(weights)
    ? weights as readonly (number | AdapterWeights)[]
    : wanted.map(() => weights as number | AdapterWeights);
  if (list.length !== wanted.length) {
    throw new RangeError(
      `Cannot weigh ${wanted.length} adapters with ${list.length} weights: give one for each`,
    );
  }
  const parts = adaptableParts(pipe);
  const roles = COMPONENTS.filter((role) => parts.some(([there]) => there === role));
  for (const given of list) checkComponents(given, roles);
  const changed = parts.map(([role, part]) => ({
    part,
    adapters: part.adapters.map((adapter): LoraAdapter => {
      const at = wanted.indexOf(adapter.name);
      return { ...adapter, weight: at === -1 ? 0 : weightIn(role, part, list[at]!) };
    }),
  }));
  for (const { part, adapters } of changed) await part.setAdapters(adapters);
}

/** What files of LoRA change. */
const COMPONENTS: readonly string[] = [
  "unet",
  "transformer",
  "textEncoder",
  "textEncoder2",
  "textEncoder3",
];

function checkComponents(weights: number | AdapterWeights, roles: readonly string[]): void {
  if (typeof weights === "number") return;
  const unknown = Object.keys(weights).find((role) => !roles.includes(role));
  if (unknown === undefined) return;
  throw new RangeError(
    `Cannot weigh an adapter in ${unknown}: it can be in ${roles.join(", ")}`,
  );
}

/** The weight of an adapter in a component: a number, or what each layer gets. */
function weightIn(
  role: string,
  { layerShapes }: AdaptableModel,
  weights: number | AdapterWeights,
): LoraAdapter["weight"] {
  const own = typeof weights === "number" ? weights : weights[role as keyof AdapterWeights] ?? 1;
  if (typeof own === "number") {
    if (Number.isFinite(own)) return own;
    throw new RangeError(`Cannot weigh an adapter in ${role} by ${own}: give a number`);
  }
  const weightOf = attentionScales(own, [...layerShapes.keys()], 1);
  // as in diffusers what lies beside an attention goes with it: resnets.0 with attentions.0
  return (layer) =>
    weightOf(layer.replace(/^((?:down|up)_blocks\.\d+)\.\w+\.(\d+)\./, "$1.attentions.$2."));
}

/**
 * Takes every adapter away; the models are as they were loaded (`unload_lora_weights`).
 *
 * @category Adapters
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionPipeline.fromPretrained("./stable-diffusion-v1-5");
 * await pipe.loadLoraWeights("./pixel-art.safetensors");
 * await pipe.unloadLoraWeights();
 * ```
 */
export async function unloadLoraWeights(pipe: Adaptable): Promise<void> {
  for (const [_, part] of adaptableParts(pipe)) {
    if (part.adapters.length > 0) await part.setAdapters([]);
  }
}

/** Gives pipelines the functions of this module as methods (`LoraLoaderMixin` of diffusers). */
export const LoraLoaderMixin: AdapterClass<{
  readonly loadLoraWeights: typeof loadLoraWeights;
  readonly unloadLoraWeights: typeof unloadLoraWeights;
  readonly setAdapters: typeof setAdapters;
  readonly getActiveAdapters: typeof getActiveAdapters;
}> = defineAdapter({
  className: "LoraLoaderMixin",
  functions: { loadLoraWeights, unloadLoraWeights, setAdapters, getActiveAdapters },
});

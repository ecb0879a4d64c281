import {
  type CallOptions,
  checkOptions,
  DenoiseError,
  joinPath,
  type Registry,
} from "@denoise/core";
import {
  type AdaptableModel,
  type AdapterFileOptions,
  adapterFileOptions,
  adapterFiles,
  type HotswapOptions,
  type LoraAdapter,
} from "@denoise/adapters";
import { type Adaptable, adaptableParts, changeAll, checkNames, loaded, namesIn } from "./parts.ts";
import { type Changes, readLora } from "./read.ts";

/**
 * How a LoRA is loaded.
 *
 * @category Adapters
 */
export interface LoraOptions extends AdapterFileOptions {
  /** Tells what of the file is left aside. Defaults to `console.warn`. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** What it is called. Defaults to `"default"` and a number. */
  readonly adapterName?: string | undefined;
  /** How much of it is applied. Defaults to 1. */
  readonly weight?: number | undefined;
  /**
   * The file in a folder or repo. Defaults to `pytorch_lora_weights.safetensors`, `adapter_model.safetensors`, the
   * only .safetensors file, or `pytorch_lora_weights.bin`.
   */
  readonly weightName?: string | undefined;
  /**
   * Whether it takes the place of the adapter of that name, at the same weight. From the second time on
   * sessions stay where it changes the same layers by the same ranks, or {@linkcode enableLoraHotswap} said
   * which rank is the highest. Defaults to false.
   */
  readonly hotswap?: boolean | undefined;
}

const loraOptions: CallOptions<LoraOptions> = {
  ...adapterFileOptions,
  adapterName: { type: "string" },
  weight: { type: "number" },
  weightName: { type: "string" },
  hotswap: { type: "boolean" },
};

/** Names that diffusers and PEFT give to the file of a LoRA. */
const NAMES = ["pytorch_lora_weights.safetensors", "adapter_model.safetensors"];

/** What diffusers wrote before. */
const PICKLED = "pytorch_lora_weights.bin";

/** The file of that name, of the usual name, or the only .safetensors file of a folder or repo. */
async function fileOf(
  source: string | URL,
  { weightName, ...options }: LoraOptions,
  registry: Registry | undefined,
): Promise<string> {
  const choose = (all: readonly string[]): string[] => {
    if (weightName !== undefined) return [weightName];
    const files = all.filter((file) => file.endsWith(".safetensors"));
    const usual = NAMES.find((one) => files.includes(one));
    if (usual !== undefined) return [usual];
    if (files.length === 1) return files;
    if (files.length === 0 && all.includes(PICKLED)) return [PICKLED];
    throw new DenoiseError(
      "missing_file",
      `Cannot load a LoRA from ${source}: it has ${files.join(", ") || "no .safetensors file"}; ` +
        `give weightName`,
    );
  };
  // what PEFT says of its adapter
  const beside = (all: readonly string[]) =>
    all.filter((file) => file === joinPath(options.subfolder, "adapter_config.json"));
  const wanted = { choose, beside };
  const { files } = await adapterFiles(source, wanted, options, registry);
  return files[0]!;
}

/**
 * Loads a LoRA and applies it, beside those that are there (`load_lora_weights`).
 *
 * @param source A .safetensors file or one of torch (.bin, .pt), a folder that holds one, or the id of a repo that does.
 * @returns The adapter's name.
 * @throws {DenoiseError} `unexpected_tensor` when it is no LoRA, one of another model, or one with
 *   something in its names or its note that changes the result and is not supported.
 * @throws {TypeError} for an unknown option.
 * @throws {RangeError} when an adapter of that name is there, or with `hotswap` is not, or shapes do not fit.
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
  source: string | URL,
  options: LoraOptions = {},
): Promise<string> {
  checkOptions("load a LoRA", options, loraOptions);
  const taken = namesIn(pipe);
  const { adapterName: name = `default_${taken.length}`, weight = 1, hotswap = false } = options;
  if (!Number.isFinite(weight)) {
    throw new RangeError(`Cannot load a LoRA with the weight ${weight}: give a number`);
  }
  if (hotswap) checkNames("exchange", pipe, [name]);
  else if (taken.includes(name)) {
    throw new RangeError(
      `Cannot load a LoRA as ${JSON.stringify(name)}: there is one of that name; give another ` +
        `adapterName, { hotswap: true } to exchange it, or call deleteAdapters first`,
    );
  }
  const parts = new Map(adaptableParts(pipe));
  const file = await fileOf(source, options, pipe.registry);
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
  if (hotswap) {
    const own = [...parts].filter(([_, part]) => hasAdapter(part, name));
    for (const [_, part] of own) if (!part.isHotswapEnabled) await part.enableLoraHotswap();
  }
  await changeAll([...parts].map(([role, part]) => {
    const change = changes.get(role);
    const others = part.adapters.flatMap((adapter) => {
      if (!hotswap || adapter.name !== name || adapter.isUnloaded) return [adapter];
      return change === undefined ? [] : [exchangedBy(adapter, change, options.weight)];
    });
    if (change === undefined || (hotswap && hasAdapter(part, name))) return [part, others];
    const isDisabled = loaded(part).some((adapter) => adapter.isDisabled);
    return [part, [...others, { name, weight, isDisabled, ...change }]];
  }));
  return name;
}

function hasAdapter(part: AdaptableModel, wanted: string): boolean {
  return loaded(part).some(({ name }) => name === wanted);
}

/** What takes the place of an adapter. */
function exchangedBy(
  { tensors: _tensors, widens: _widens, fused, ...adapter }: LoraAdapter,
  change: Changes,
  weight = adapter.weight,
): LoraAdapter {
  if (fused === undefined) return { ...adapter, weight, ...change };
  throw new RangeError(
    `Cannot exchange the adapter ${
      JSON.stringify(adapter.name)
    }: it is fused; call unfuseLora first`,
  );
}

const hotswapOptions: CallOptions<HotswapOptions> = { targetRank: { type: "integer", minimum: 1 } };

/**
 * Makes adapters inputs of the sessions, so that `loadLoraWeights` with `hotswap: true`, `setAdapters` and
 * the like need no new ones (`enable_lora_hotswap`). A layer costs a little more than with constants.
 *
 * @param options `targetRank`: the highest rank of all adapters that will be loaded; lower ones get rows and
 *   columns of zeros. Defaults to 128.
 * @throws {RangeError} when there is an adapter of a higher rank.
 * @category Adapters
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionPipeline.fromPretrained("./stable-diffusion-v1-5");
 * await pipe.enableLoraHotswap({ targetRank: 16 });
 * await pipe.loadLoraWeights("./pixel-art.safetensors", { adapterName: "style" });
 * await pipe("a castle");
 * await pipe.loadLoraWeights("./ink.safetensors", { adapterName: "style", hotswap: true });
 * await pipe("a castle"); // in the same sessions
 * ```
 */
export async function enableLoraHotswap(
  pipe: Adaptable,
  options: HotswapOptions = {},
): Promise<void> {
  checkOptions("exchange LoRAs", options, hotswapOptions);
  const { targetRank = 128 } = options;
  for (const [_, part] of adaptableParts(pipe)) await part.enableLoraHotswap({ targetRank });
}

import { type CallOptions, checkOptions } from "@denoise/core";
import type { LoraAdapter, LoraLayer, LoraWeight } from "@denoise/adapters";
import { type Adaptable, adaptableParts, changeAll, checkNames, loaded, partsOf } from "./parts.ts";

/**
 * What is merged into which weights.
 *
 * @category Adapters
 */
export interface FuseOptions {
  /** Roles of components, such as `["unet"]`. Defaults to all that LoRAs can change. */
  readonly components?: readonly string[] | undefined;
  /** What the weights of the adapters are multiplied by. Defaults to 1. */
  readonly loraScale?: number | undefined;
  /** Names of adapters. Defaults to those in use. */
  readonly adapterNames?: readonly string[] | undefined;
  /** Whether adapters with numbers that are not finite are refused. Defaults to false. */
  readonly safeFusing?: boolean | undefined;
}

/**
 * Where adapters are taken out of the weights again.
 *
 * @category Adapters
 */
export type UnfuseOptions = Pick<FuseOptions, "components">;

const unfuseOptions: CallOptions<UnfuseOptions> = {
  components: { type: "string", list: "required" },
};

const fuseOptions: CallOptions<FuseOptions> = {
  ...unfuseOptions,
  loraScale: { type: "number" },
  adapterNames: { type: "string", list: "required" },
  safeFusing: { type: "boolean" },
};

/**
 * Merges adapters into the weights of the layers, so that calls take no longer than without them
 * (`fuse_lora`). The merged weights are kept in the cache and mapped from there, in the type that the model
 * is loaded in; quantized ones are quantized again. How much of them is applied is settled by that:
 * `setAdapters` and the `scale` of a call change nothing until `unfuseLora()`. Then the weights are those of
 * before, bit for bit.
 *
 * @throws {RangeError} for a component or a name that is not there, where nothing is loaded, and with
 *   `safeFusing` for numbers that are not finite.
 * @throws {TypeError} for an unknown option.
 * @category Adapters
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionXLPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionXLPipeline.fromPretrained("./stable-diffusion-xl-base-1.0");
 * await pipe.loadLoraWeights("./pixel-art-xl.safetensors", { adapterName: "pixel" });
 * await pipe.fuseLora({ loraScale: 0.7 });
 * await pipe("a castle, pixel art");
 * await pipe.unfuseLora();
 * ```
 */
export async function fuseLora(pipe: Adaptable, options: FuseOptions = {}): Promise<void> {
  checkOptions("fuse LoRAs", options, fuseOptions);
  const { loraScale = 1, adapterNames, safeFusing = false } = options;
  const parts = partsOf("fuse LoRAs", pipe, options.components);
  checkNames("fuse", pipe, adapterNames ?? []);
  const isMeant = ({ name, isActive = true, isUnloaded = false, fused }: LoraAdapter) =>
    !isUnloaded && fused === undefined && (adapterNames?.includes(name) ?? isActive);
  if (parts.every(([_, part]) => loaded(part).length === 0)) {
    throw new RangeError("Cannot fuse LoRAs: none is loaded; call loadLoraWeights first");
  }
  if (safeFusing) {
    for (const [_, { adapters }] of parts) adapters.filter(isMeant).forEach(checkFinite);
  }
  await changeAll(parts.map(([_, part]) => [
    part,
    part.adapters.map((adapter) =>
      isMeant(adapter) ? { ...adapter, fused: times(adapter.weight, loraScale) } : adapter
    ),
  ]));
}

function times(weight: LoraWeight, factor: number): LoraWeight {
  return typeof weight === "number" ? weight * factor : (layer) => weight(layer) * factor;
}

function checkFinite({ name, layers }: LoraAdapter): void {
  const isBroken = ({ down, up, left, bias, magnitude }: LoraLayer) =>
    [down, up, left, bias, magnitude].some((tensor) =>
      tensor?.toFloat32Array().some((value) => !Number.isFinite(value))
    );
  const broken = [...layers].find(([_, change]) => isBroken(change))?.[0];
  if (broken === undefined) return;
  throw new RangeError(
    `Cannot fuse the adapter ${
      JSON.stringify(name)
    }: its change of "${broken}" has numbers that are ` +
      `not finite`,
  );
}

/**
 * Takes all adapters out of the weights again (`unfuse_lora`): they are computed beside the layers, with
 * the weights that `setAdapters` gave them; those that were unloaded since are gone.
 *
 * @throws {RangeError} for a component that is not there.
 * @category Adapters
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionPipeline.fromPretrained("./stable-diffusion-v1-5");
 * await pipe.loadLoraWeights("./pixel-art.safetensors");
 * await pipe.fuseLora();
 * await pipe.unfuseLora({ components: ["unet"] });
 * console.log(await pipe.fusedLoras()); // ["default_0"], in the text encoder
 * ```
 */
export async function unfuseLora(pipe: Adaptable, options: UnfuseOptions = {}): Promise<void> {
  checkOptions("unfuse LoRAs", options, unfuseOptions);
  const parts = partsOf("unfuse LoRAs", pipe, options.components);
  await changeAll(parts.map(([_, part]) => [
    part,
    loaded(part).map((adapter) =>
      adapter.fused === undefined ? adapter : { ...adapter, fused: undefined }
    ),
  ]));
}

/**
 * Names of the adapters that are merged into weights (`fused_loras`), those too that were unloaded since.
 *
 * @category Adapters
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionPipeline.fromPretrained("./stable-diffusion-v1-5");
 * console.log(await pipe.fusedLoras()); // []
 * ```
 */
export function fusedLoras(pipe: Adaptable): string[] {
  const names = adaptableParts(pipe).flatMap(([_, { adapters }]) =>
    adapters.filter(({ fused }) => fused !== undefined).map(({ name }) => name)
  );
  return [...new Set(names)];
}

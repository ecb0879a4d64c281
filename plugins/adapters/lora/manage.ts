import type { LoraAdapter } from "@denoise/adapters";
import {
  type Adaptable,
  type AdaptablePart,
  adaptableParts,
  changeAll,
  checkNames,
  loaded,
} from "./parts.ts";

/**
 * Names of the adapters in use, in the order in which they came (`get_active_adapters`).
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
  const active = adaptableParts(pipe).flatMap(([_, part]) =>
    loaded(part).filter(({ isActive = true }) => isActive).map(({ name }) => name)
  );
  return [...new Set(active)];
}

/**
 * Names of all adapters by the components that they change (`get_list_adapters`).
 *
 * @category Adapters
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionPipeline.fromPretrained("./stable-diffusion-v1-5");
 * await pipe.loadLoraWeights("./pixel-art.safetensors", { adapterName: "pixel" });
 * console.log(await pipe.getListAdapters()); // { textEncoder: ["pixel"], unet: ["pixel"] }
 * ```
 */
export function getListAdapters(pipe: Adaptable): Record<string, string[]> {
  const lists = adaptableParts(pipe)
    .map(([role, part]) => [role, loaded(part).map(({ name }) => name)] as const)
    .filter(([_, names]) => names.length > 0);
  return Object.fromEntries(lists);
}

/** An adapter that is taken away: what it made of weights that it is merged into stays. */
function takenAway(adapter: LoraAdapter): LoraAdapter[] {
  const { fused, isDisabled = false } = adapter;
  return fused === undefined || isDisabled ? [] : [{ ...adapter, isUnloaded: true }];
}

async function takeAway(pipe: Adaptable, names?: readonly string[]): Promise<void> {
  const isTaken = ({ name, isUnloaded = false }: LoraAdapter) =>
    !isUnloaded && (names === undefined || names.includes(name));
  await changeAll(
    adaptableParts(pipe).map(([_, part]) => [
      part,
      part.adapters.flatMap((adapter) => isTaken(adapter) ? takenAway(adapter) : [adapter]),
    ]),
  );
}

/**
 * Takes adapters away (`delete_adapters`). Where they are fused the weights stay changed, until
 * `unfuseLora()`.
 *
 * @throws {RangeError} for a name that is not there.
 * @category Adapters
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionPipeline.fromPretrained("./stable-diffusion-v1-5");
 * await pipe.loadLoraWeights("./pixel-art.safetensors", { adapterName: "pixel" });
 * await pipe.deleteAdapters("pixel");
 * ```
 */
export async function deleteAdapters(
  pipe: Adaptable,
  names: string | readonly string[],
): Promise<void> {
  const wanted = [names].flat() as string[];
  checkNames("delete", pipe, wanted);
  await takeAway(pipe, wanted);
}

/**
 * Takes every adapter away (`unload_lora_weights`): the models are as they were loaded. Where adapters are
 * fused the weights stay changed, as in diffusers, until `unfuseLora()`.
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
  await takeAway(pipe);
}

async function turn(pipe: Adaptable, isDisabled: boolean): Promise<void> {
  await changeAll(
    adaptableParts(pipe).map(([_, part]: AdaptablePart) => [
      part,
      part.adapters.map((adapter) =>
        adapter.isUnloaded || (adapter.isDisabled ?? false) === isDisabled
          ? adapter
          : { ...adapter, isDisabled }
      ),
    ]),
  );
}

/**
 * Turns all adapters off, those that are fused too; `enableLora()` turns them on again with their weights
 * (`disable_lora`).
 *
 * @category Adapters
 *
 * @example An image without them
 * ```ts ignore
 * import { StableDiffusionPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionPipeline.fromPretrained("./stable-diffusion-v1-5");
 * await pipe.loadLoraWeights("./pixel-art.safetensors");
 * await pipe.disableLora();
 * await pipe("a castle");
 * await pipe.enableLora();
 * ```
 */
export async function disableLora(pipe: Adaptable): Promise<void> {
  await turn(pipe, true);
}

/**
 * Turns adapters on again that `disableLora()` turned off (`enable_lora`).
 *
 * @category Adapters
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionPipeline.fromPretrained("./stable-diffusion-v1-5");
 * await pipe.loadLoraWeights("./pixel-art.safetensors");
 * await pipe.disableLora();
 * await pipe.enableLora();
 * ```
 */
export async function enableLora(pipe: Adaptable): Promise<void> {
  await turn(pipe, false);
}

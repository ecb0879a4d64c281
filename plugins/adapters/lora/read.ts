import { DenoiseError, type LoraLayer } from "@denoise/core";
import { openSafetensors, readTensor } from "@denoise/safetensors";
import { changeOf, type LoraParts } from "./change.ts";
import { findLayer, layerIndex, type LoraKey, parseKey } from "./keys.ts";

/** The changes of each component, by the layers' names in the checkpoint. */
export type LoraLayers = Map<LoraKey["component"], Map<string, LoraLayer>>;

/** The shapes of a component's weights by the layers' names. */
export type LayerShapes = ReadonlyMap<string, readonly number[]>;

/** Reads a LoRA file for components with these layers. */
export async function readLora(
  file: string,
  layersOf: (component: LoraKey["component"]) => LayerShapes | undefined,
): Promise<LoraLayers> {
  const { tensors, metadata } = await openSafetensors(file);
  const alphas = alphasOf(metadata["lora_adapter_metadata"]);
  const parts = new Map<string, { readonly key: LoraKey; readonly parts: LoraParts }>();
  for (const [name, stored] of tensors) {
    const key = parseKey(name);
    if (key === undefined) throw refusal(file, `it has a tensor ${JSON.stringify(name)}`);
    const id = `${key.component} ${key.layer}`;
    const tensor = (await readTensor(stored)).astype("float32");
    parts.set(id, { key, parts: { ...parts.get(id)?.parts, [key.part]: tensor } });
  }
  if (parts.size === 0) throw refusal(file, "it holds no tensors");
  const found: LoraLayers = new Map();
  const indexes = new Map<string, Map<string, string>>();
  for (const { key: { component, layer }, parts: given } of parts.values()) {
    const shapes = layersOf(component);
    if (shapes === undefined) throw refusal(file, `it changes ${component}, which is not there`);
    if (!indexes.has(component)) indexes.set(component, layerIndex(shapes.keys()));
    const name = findLayer(layer, indexes.get(component)!);
    if (name === undefined) {
      throw refusal(file, `${component} has no layer "${layer}"; is it of another model?`);
    }
    const changes = found.get(component) ?? new Map<string, LoraLayer>();
    try {
      changes.set(name, changeOf(given, shapes.get(name)!, alphas.get(component)));
    } catch (error) {
      throw refusal(file, `the change of "${layer}" cannot be read: ${describe(error)}`);
    }
    found.set(component, changes);
  }
  return found;
}

function describe(error: unknown): string {
  if (error instanceof RangeError) return error.message;
  throw error;
}

/** `lora_alpha` of each component, from the note that PEFT's files carry. */
function alphasOf(note = "{}"): Map<LoraKey["component"], number> {
  const values = JSON.parse(note) as Readonly<Record<string, unknown>>;
  const roles = {
    unet: "unet",
    textEncoder: "text_encoder",
    textEncoder2: "text_encoder_2",
  } as const;
  return new Map(
    Object.entries(roles).flatMap(([role, key]): [LoraKey["component"], number][] => {
      const alpha = values[`${key}.lora_alpha`] ?? values[`${key}.alpha`];
      return typeof alpha === "number" ? [[role as LoraKey["component"], alpha]] : [];
    }),
  );
}

function refusal(file: string, why: string): DenoiseError {
  return new DenoiseError("unexpected_tensor", `Cannot load the LoRA ${file}: ${why}`);
}

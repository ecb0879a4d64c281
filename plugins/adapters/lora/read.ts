import { DenoiseError, type LoraLayer, type Tensor } from "@denoise/core";
import { openSafetensors, readTensor } from "@denoise/onnx";
import { findLayer, layerIndex, type LoraKey, parseKey } from "./keys.ts";

/** The changes of each component, by the layers' names in the checkpoint. */
export type LoraLayers = Map<LoraKey["component"], Map<string, LoraLayer>>;

type Parts = { -readonly [P in LoraKey["part"]]?: Tensor };

/** Reads a LoRA file for components with these layers. */
export async function readLora(
  file: string,
  layersOf: (component: LoraKey["component"]) => Iterable<string> | undefined,
): Promise<LoraLayers> {
  const { tensors, metadata } = await openSafetensors(file);
  const alphas = alphasOf(metadata["lora_adapter_metadata"]);
  const parts = new Map<string, Parts & { key: LoraKey }>();
  for (const [name, stored] of tensors) {
    const key = parseKey(name);
    if (key === undefined) throw refusal(file, `it has a tensor ${JSON.stringify(name)}`);
    const id = `${key.component} ${key.layer}`;
    const known = parts.get(id) ?? { key };
    known[key.part] = (await readTensor(stored)).astype("float32");
    parts.set(id, known);
  }
  if (parts.size === 0) throw refusal(file, "it holds no tensors");
  const found: LoraLayers = new Map();
  const indexes = new Map<string, Map<string, string>>();
  for (const { key: { component, layer }, down, up, alpha } of parts.values()) {
    const layers = layersOf(component);
    if (layers === undefined) throw refusal(file, `it changes ${component}, which is not there`);
    if (!indexes.has(component)) indexes.set(component, layerIndex(layers));
    const name = findLayer(layer, indexes.get(component)!);
    if (name === undefined) {
      throw refusal(file, `${component} has no layer "${layer}"; is it of another model?`);
    }
    if (down === undefined || up === undefined) {
      throw refusal(file, `"${layer}" lacks its ${down === undefined ? "down" : "up"} matrix`);
    }
    const rank = down.dims[0]!;
    const trained = alpha?.toFloat32Array()[0] ?? alphas.get(component) ?? rank;
    const scale = trained / rank;
    const changes = found.get(component) ?? new Map<string, LoraLayer>();
    found.set(component, changes.set(name, { down, up, scale }));
  }
  return found;
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
      const alpha = values[`${key}.lora_alpha`];
      return typeof alpha === "number" ? [[role as LoraKey["component"], alpha]] : [];
    }),
  );
}

function refusal(file: string, why: string): DenoiseError {
  return new DenoiseError("unexpected_tensor", `Cannot load the LoRA ${file}: ${why}`);
}

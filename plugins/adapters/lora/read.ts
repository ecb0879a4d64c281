import { readFile } from "node:fs/promises";
import { DenoiseError, isMissing, type JsonObject, type Tensor } from "@denoise/core";
import type { LoraAdapter, LoraLayer } from "@denoise/adapters";
import { openTensors } from "@denoise/pickle";
import { readTensor } from "@denoise/safetensors";
import { changeOf, type LoraParts, type Rows, rowsOf, type Scaling } from "./change.ts";
import { findLayers, layerIndex, type LoraKey, parseKey, replacedTensor } from "./keys.ts";
import { type AdapterNote, readNote } from "./note.ts";

/** The shapes of a component's weights by the layers' names. */
export type LayerShapes = ReadonlyMap<string, readonly number[]>;

/** What a LoRA file changes in a component. */
export type Changes = Pick<LoraAdapter, "layers" | "tensors" | "widens">;

/** What a LoRA file changes. */
export interface LoraFile {
  /** The changes of each component. */
  readonly changes: ReadonlyMap<string, Changes>;
  /** Components that it changes, too, and that are not there. */
  readonly missing: readonly string[];
}

/** Components that a file without a component's name is for, the first that is there. */
const DENOISERS = ["unet", "transformer", "prior", "controlnet"];

/** A layer that only T5 has of all text encoders. */
const T5_LAYER = "encoder.block.0.layer.0.SelfAttention.q";

/** Layers that files may make wider, and the option of the config that says how wide they are. */
const WIDENED: Readonly<Record<string, string>> = { x_embedder: "in_channels" };

/**
 * Reads a LoRA file for components with these layers.
 *
 * @throws {DenoiseError} `unexpected_tensor` for what is not understood, or is of another model.
 */
export async function readLora(
  file: string,
  components: ReadonlyMap<string, LayerShapes>,
): Promise<LoraFile> {
  const { tensors, metadata } = await openTensors(file);
  const roles: Readonly<Record<string, string>> = {
    denoiser: DENOISERS.find((role) => components.has(role)) ?? "unet",
    t5: [...components].find(([_, shapes]) => shapes.has(T5_LAYER))?.[0] ?? "textEncoder3",
  };
  const found = new Map<string, { readonly key: LoraKey; readonly parts: LoraParts }>();
  const transformer = layerIndex(components.get("transformer")?.keys() ?? []);
  const replaced = new Map<string, Tensor>();
  for (const [name, stored] of tensors) {
    const norm = replacedTensor(name, transformer);
    if (norm !== undefined && components.has("transformer")) {
      replaced.set(norm, await readTensor(stored));
      continue;
    }
    const parsed = parseKey(name);
    if (parsed === undefined) throw refusal(file, `it has a tensor ${JSON.stringify(name)}`);
    const component = roles[parsed.component] ?? parsed.component;
    const key = { ...parsed, component };
    const id = `${component} ${key.layer}`;
    const { parts } = found.get(id) ?? { parts: {} };
    if (key.part in parts) throw refusal(file, `it has two tensors like ${JSON.stringify(name)}`);
    const tensor = components.has(component)
      ? (await readTensor(stored)).astype("float32")
      : undefined;
    found.set(id, { key, parts: { ...parts, [key.part]: tensor } });
  }
  if (found.size === 0) throw refusal(file, "it holds no changes of layers");
  const note = await noteOf(file, metadata["lora_adapter_metadata"]);
  const changed = new Set([...found.values()].map(({ key }) => key.component));
  const changes = new Map<string, Changes>();
  const missing: string[] = [];
  for (const role of changed) {
    const shapes = components.get(role);
    if (shapes === undefined) {
      missing.push(role);
      continue;
    }
    const own = [...found.values()].filter(({ key }) => key.component === role);
    const layers = changesOf(file, role, own, shapes, componentNote(file, note, role));
    const widens = Object.entries(WIDENED).filter(([layer]) => {
      const width = layers.get(layer)?.down.dims[1] ?? 0;
      return role === "transformer" && width > (shapes.get(layer)?.[1] ?? Infinity);
    });
    changes.set(role, {
      layers,
      ...(role === "transformer" && replaced.size > 0 ? { tensors: replaced } : {}),
      ...(widens.length > 0 ? { widens: Object.fromEntries(widens) } : {}),
    });
  }
  if (changes.size > 0) return { changes, missing };
  throw refusal(file, `it changes ${missing.join(", ")}, which is not there`);
}

function changesOf(
  file: string,
  role: string,
  own: readonly { readonly key: LoraKey; readonly parts: LoraParts }[],
  shapes: LayerShapes,
  note: AdapterNote | undefined,
): ReadonlyMap<string, LoraLayer> {
  const index = layerIndex(shapes.keys());
  const changes = new Map<string, LoraLayer>();
  for (const { key: { layer }, parts } of own) {
    const found = findLayers(layer, index);
    if (found === undefined) {
      throw refusal(file, `${role} has no layer "${layer}"; is it of another model?`);
    }
    const { names, swapped } = found;
    const twice = names.find((name) => changes.has(name));
    if (twice !== undefined) {
      throw refusal(file, `it changes the layer "${twice}" of ${role} twice`);
    }
    const scaling: Scaling | undefined = note &&
      ((rank) => note.scaleOf(names[0]!.replace(/^text_model\./, ""), rank));
    const rows = names.map((name) => shapes.get(name)![0]!);
    const sum = rows.reduce((all, count) => all + count, 0);
    try {
      const change = changeOf(parts, [sum, ...shapes.get(names[0]!)!.slice(1)], scaling);
      if (note !== undefined) checkNote(note, change);
      let end = 0;
      names.forEach((name, i) => {
        const [from, to] = [end, end += rows[i]!];
        const middle = (from + to) / 2;
        const own: readonly Rows[] = swapped ? [[middle, to], [from, middle]] : [[from, to]];
        changes.set(name, names.length > 1 || swapped ? rowsOf(change, own) : change);
      });
    } catch (error) {
      throw refusal(file, `the change of "${layer}" cannot be read: ${describe(error)}`);
    }
  }
  return changes;
}

/** A note that says what the tensors do not have, or does not say what they have. */
function checkNote({ usesDora, hasBias }: AdapterNote, { magnitude, bias }: LoraLayer): void {
  if (usesDora !== (magnitude !== undefined)) {
    throw new RangeError(
      `the note of the file says use_dora: ${usesDora}, but it has ${
        usesDora ? "no magnitudes" : "magnitudes"
      }`,
    );
  }
  if (bias !== undefined && !hasBias) {
    throw new RangeError("it has a bias, where the note of the file says lora_bias: false");
  }
}

function describe(error: unknown): string {
  if (error instanceof RangeError) return error.message;
  throw error;
}

/**
 * What a file says about its adapter: in its header as diffusers writes it, one entry for each component
 * (`unet.lora_alpha`), or beside it in adapter_config.json as PEFT does.
 */
async function noteOf(file: string, header: string | undefined): Promise<JsonObject | undefined> {
  const beside = file.replace(/adapter_model\.safetensors$/, "adapter_config.json");
  const text = header ?? (beside === file ? undefined : await textOf(beside));
  if (text === undefined) return undefined;
  try {
    const note: unknown = JSON.parse(text);
    if (typeof note === "object" && note !== null && !Array.isArray(note)) {
      return note as JsonObject;
    }
  } catch {
    // refused below
  }
  throw refusal(file, "its note is no JSON object");
}

async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** The entries of a note for one component; those without any component are for all. */
function componentNote(
  file: string,
  note: JsonObject | undefined,
  role: string,
): AdapterNote | undefined {
  if (note === undefined) return undefined;
  const prefix = `${role.replace(/[A-Z]|\d+$/g, (part) => `_${part.toLowerCase()}`)}.`;
  const entries = Object.entries(note);
  const own = entries.filter(([name]) => name.startsWith(prefix))
    .map(([name, value]) => [name.slice(prefix.length), value] as const);
  const bare = entries.filter(([name]) => !name.includes("."));
  const used = own.length > 0 ? own : bare;
  if (used.length === 0) return undefined;
  try {
    return readNote(Object.fromEntries(used));
  } catch (error) {
    throw refusal(file, describe(error));
  }
}

function refusal(file: string, why: string): DenoiseError {
  return new DenoiseError("unexpected_tensor", `Cannot load the LoRA ${file}: ${why}`);
}

import { DenoiseError, Tensor } from "@denoise/core";
import { openSafetensors, splitRows, storedTensor } from "@denoise/safetensors";
import type { StoredTensor } from "@denoise/safetensors";

/** The tensors of an IP-Adapter's file, at their places in it. */
export interface IpAdapterFile {
  /** Of the projection of images, by diffusers' names. */
  readonly projection: ReadonlyMap<string, StoredTensor>;
  /** Keys and values of each attention, in the order of the attentions. */
  readonly layers: readonly { readonly key: StoredTensor; readonly value: StoredTensor }[];
}

type Rename = readonly (readonly [RegExp, string])[];

const PLAIN: Rename = [[/^proj\./, "image_embeds."]];
const FULL: Rename = [[/^proj\.0\./, "ff.net.0.proj."], [/^proj\.2\./, "ff.net.2."], [
  /^proj\.3\./,
  "norm.",
]];
const PLUS: Rename = [
  [/^(layers\.\d+)\.0\.norm1\./, "$1.ln0."],
  [/^(layers\.\d+)\.0\.norm2\./, "$1.ln1."],
  [/^(layers\.\d+)\.0\.(to_\w+)\./, "$1.attn.$2."],
  [/^(layers\.\d+)\.1\.0\./, "$1.ff.0."],
  [/^(layers\.\d+)\.1\.1\./, "$1.ff.1.net.0.proj."],
  [/^(layers\.\d+)\.1\.3\./, "$1.ff.1.net.2."],
  [/\.to_out\.weight$/, ".to_out.0.weight"],
];

function refusal(file: string, why: string): DenoiseError {
  return new DenoiseError("unexpected_tensor", `Cannot load the IP-Adapter ${file}: ${why}`);
}

/** Which names a projection has. */
function namesOf(names: ReadonlySet<string>, file: string): Rename {
  if (names.has("proj.weight")) return PLAIN;
  if (names.has("proj.3.weight")) return FULL;
  if (names.has("latents")) return PLUS;
  const isFace = names.has("norm.weight") || names.has("perceiver_resampler.proj_in.weight");
  throw refusal(
    file,
    isFace ? "it is a FaceID adapter, which is not supported" : "it has no projection of images",
  );
}

/** Reads a file in the layout of h94/IP-Adapter. */
export async function readIpAdapter(path: string): Promise<IpAdapterFile> {
  const file = JSON.stringify(path);
  if (/\.(bin|ckpt|pt|pth|pkl)$/.test(path)) {
    throw new DenoiseError(
      "pickle_refused",
      `Cannot load ${file}: Python pickles can run any code when they are read, so they never ` +
        `are; take the .safetensors file of the same adapter`,
    );
  }
  const { tensors } = await openSafetensors(path);
  const stored = new Map<string, StoredTensor>();
  const attention = new Map<string, StoredTensor>();
  for (const [name, tensor] of tensors) {
    if (name.startsWith("image_proj.")) stored.set(name.slice("image_proj.".length), tensor);
    else if (name.startsWith("ip_adapter.")) attention.set(name.slice(11), tensor);
    else throw refusal(file, `it has a tensor ${JSON.stringify(name)}`);
  }
  const rename = namesOf(new Set(stored.keys()), file);
  const projection = new Map<string, StoredTensor>();
  for (const [old, tensor] of stored) {
    const name = rename.reduce((text, [pattern, now]) => text.replace(pattern, now), old);
    if (name.endsWith(".to_kv.weight")) {
      const [key, value] = splitRows(tensor, 2) as [StoredTensor, StoredTensor];
      projection.set(name.replace("to_kv", "to_k"), key);
      projection.set(name.replace("to_kv", "to_v"), value);
    } else projection.set(name, tensor);
  }
  return { projection, layers: layersOf(attention, file) };
}

function layersOf(
  tensors: ReadonlyMap<string, StoredTensor>,
  file: string,
): IpAdapterFile["layers"] {
  const ids = [...tensors.keys()].filter((name) => name.endsWith(".to_k_ip.weight"))
    .map((name) => Number(name.split(".")[0])).sort((a, b) => a - b);
  if (ids.length === 0) throw refusal(file, "it has no keys and values for attention");
  if (tensors.size !== ids.length * 2) {
    throw refusal(file, "it has other tensors beside keys and values, as FaceID adapters do");
  }
  return ids.map((id) => {
    const value = tensors.get(`${id}.to_v_ip.weight`);
    if (value === undefined) throw refusal(file, `it lacks "ip_adapter.${id}.to_v_ip.weight"`);
    return { key: tensors.get(`${id}.to_k_ip.weight`)!, value };
  });
}

/** A number as a tensor of a checkpoint. */
export function numberTensor(value: number): StoredTensor {
  return storedTensor(new Tensor("float32", Float32Array.of(value), []));
}

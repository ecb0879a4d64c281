import { DenoiseError, Tensor } from "@denoise/core";
import { openTensors } from "@denoise/pickle";
import { readTensor, splitRows, storedTensor } from "@denoise/safetensors";
import type { StoredTensor } from "@denoise/safetensors";

/** The tensors of an IP-Adapter's file, at their places in it. */
export interface IpAdapterFile {
  /** Which models it is for: UNets, or the transformers of FLUX.1 or Stable Diffusion 3. */
  readonly kind: "unet" | "flux" | "sd3";
  /** Of the projection of images, by diffusers' names. */
  readonly projection: ReadonlyMap<string, StoredTensor>;
  /** What each attention has of its own, by diffusers' names, in the order of the attentions. */
  readonly layers: readonly ReadonlyMap<string, StoredTensor>[];
  /** The LoRA of FaceID adapters: `down` and `up` by the number of the attention and the name of its layer. */
  readonly lora: ReadonlyMap<string, { readonly down: Tensor; readonly up: Tensor }>;
}

/** What each attention has of an IP-Adapter, for the models of a kind. */
const PARTS: Readonly<Record<IpAdapterFile["kind"], readonly string[]>> = {
  unet: ["to_k_ip.weight", "to_v_ip.weight"],
  flux: ["to_k_ip.weight", "to_k_ip.bias", "to_v_ip.weight", "to_v_ip.bias"],
  sd3: [
    ...["norm_ip.linear.weight", "norm_ip.linear.bias", "to_k_ip.weight", "to_v_ip.weight"],
    ...["norm_q.weight", "norm_k.weight", "norm_ip_k.weight"],
  ],
};

type Rename = readonly (readonly [RegExp, string])[];

const PLAIN: Rename = [[/^proj\./, "image_embeds."]];
const FULL: Rename = [[/^proj\.0\./, "ff.net.0.proj."], [/^proj\.2\./, "ff.net.2."], [
  /^proj\.3\./,
  "norm.",
]];
const FACE: Rename = [[/^proj\.0\./, "face.net.0.proj."], [/^proj\.2\./, "face.net.2."]];
const PLUS: Rename = [
  [/^(layers\.\d+)\.0\.norm1\./, "$1.ln0."],
  [/^(layers\.\d+)\.0\.norm2\./, "$1.ln1."],
  [/^(layers\.\d+)\.0\.(to_\w+)\./, "$1.attn.$2."],
  [/^(layers\.\d+)\.1\.0\./, "$1.ff.0."],
  [/^(layers\.\d+)\.1\.1\./, "$1.ff.1.net.0.proj."],
  [/^(layers\.\d+)\.1\.3\./, "$1.ff.1.net.2."],
  [/\.to_out\.weight$/, ".to_out.0.weight"],
];

const FACE_PLUS: Rename = [
  [/^perceiver_resampler\./, ""],
  [/^proj\.0\./, "proj.net.0.proj."],
  [/^proj\.2\./, "proj.net.2."],
  ...PLUS,
];

/** Of Stable Diffusion 3, whose layers see the time, too. */
const TIMED: Rename = [
  [/^(layers\.\d+)\.1\.0\./, "$1.adaln_norm."],
  [/^(layers\.\d+)\.1\.1\./, "$1.ff.net.0.proj."],
  [/^(layers\.\d+)\.1\.3\./, "$1.ff.net.2."],
  [/^(layers\.\d+)\.2\.1\./, "$1.adaln_proj."],
  ...PLUS,
];

/** What begins the names of the projection's tensors and of the attentions', in the files of authors. */
const PROJECTION = /^(?:image_proj|ip_adapter_proj_model)\./;
const ATTENTION = /^(?:ip_adapter|double_blocks)\./;
/** Names of XLabs inside an attention. */
const XLABS: Rename = [
  [/\.processor\.ip_adapter_double_stream_([kv])_proj\./, ".to_$1_ip."],
];

function renamed(name: string, rename: Rename): string {
  return rename.reduce((text, [pattern, now]) => text.replace(pattern, now), name);
}

function refusal(file: string, why: string): DenoiseError {
  return new DenoiseError("unexpected_tensor", `Cannot load the IP-Adapter ${file}: ${why}`);
}

/** Which names a projection has. */
function namesOf(names: ReadonlySet<string>, file: string): Rename {
  if (names.has("time_embedding.linear_1.weight")) return TIMED;
  if (names.has("proj.weight")) return PLAIN;
  if (names.has("proj.3.weight")) return FULL;
  if (names.has("latents")) return PLUS;
  if (names.has("perceiver_resampler.proj_in.weight")) return FACE_PLUS;
  if (names.has("norm.weight")) return FACE;
  throw refusal(file, "it has no projection of images");
}

/** Reads a file in the layout of h94/IP-Adapter, of XLabs' for FLUX.1 or InstantX's for Stable Diffusion 3. */
export async function readIpAdapter(path: string): Promise<IpAdapterFile> {
  const file = JSON.stringify(path);
  const { tensors } = await openTensors(path);
  const stored = new Map<string, StoredTensor>();
  const attention = new Map<string, StoredTensor>();
  for (const [name, tensor] of tensors) {
    if (PROJECTION.test(name)) stored.set(name.replace(PROJECTION, ""), tensor);
    else if (ATTENTION.test(name)) {
      attention.set(renamed(name.replace(ATTENTION, ""), XLABS), tensor);
    } else throw refusal(file, `it has a tensor ${JSON.stringify(name)}`);
  }
  const rename = namesOf(new Set(stored.keys()), file);
  const projection = new Map<string, StoredTensor>();
  for (const [old, tensor] of stored) {
    const name = renamed(old, rename);
    if (name.endsWith(".to_kv.weight")) {
      const [key, value] = splitRows(tensor, 2) as [StoredTensor, StoredTensor];
      projection.set(name.replace("to_kv", "to_k"), key);
      projection.set(name.replace("to_kv", "to_v"), value);
    } else projection.set(name, tensor);
  }
  const isLora = (name: string) => LORA.test(name);
  const own = new Map([...attention].filter(([name]) => !isLora(name)));
  const lora = new Map([...attention].filter(([name]) => isLora(name)));
  const kind = kindOf(own);
  return { kind, projection, layers: layersOf(own, kind, file), lora: await loraOf(lora, file) };
}

const LORA = /^(\d+)\.(to_(?:q|k|v|out))_lora\.(down|up)\.weight$/;

/** Pairs of matrices by `NUMBER.LAYER`. */
async function loraOf(
  tensors: ReadonlyMap<string, StoredTensor>,
  file: string,
): Promise<IpAdapterFile["lora"]> {
  const pairs = new Map<string, { readonly down: Tensor; readonly up: Tensor }>();
  for (const name of tensors.keys()) {
    const [_, number, layer] = LORA.exec(name)!;
    const [down, up] = ["down", "up"].map((half) =>
      tensors.get(`${number}.${layer}_lora.${half}.weight`)
    );
    if (down === undefined || up === undefined) {
      throw refusal(file, `it lacks the other half of "ip_adapter.${name}"`);
    }
    pairs.set(`${number}.${layer === "to_out" ? "to_out.0" : layer}`, {
      down: await readTensor(down),
      up: await readTensor(up),
    });
  }
  return pairs;
}

/** Which models keys and values are for: those of FLUX.1 have biases, those of Stable Diffusion 3 norms. */
function kindOf(attention: ReadonlyMap<string, StoredTensor>): IpAdapterFile["kind"] {
  const names = [...attention.keys()];
  if (names.some((name) => name.endsWith(".norm_ip.linear.weight"))) return "sd3";
  return names.some((name) => name.endsWith(".to_k_ip.bias")) ? "flux" : "unet";
}

function layersOf(
  tensors: ReadonlyMap<string, StoredTensor>,
  kind: IpAdapterFile["kind"],
  file: string,
): IpAdapterFile["layers"] {
  const ids = [...tensors.keys()].filter((name) => name.endsWith(".to_k_ip.weight"))
    .map((name) => Number(name.split(".")[0])).sort((a, b) => a - b);
  if (ids.length === 0) throw refusal(file, "it has no keys and values for attention");
  const parts = PARTS[kind];
  const known = new Set(ids.flatMap((id) => parts.map((part) => `${id}.${part}`)));
  const other = [...tensors.keys()].find((name) => !known.has(name));
  if (other !== undefined) {
    throw refusal(file, `it has a tensor "ip_adapter.${other}" that is unknown`);
  }
  return ids.map((id) =>
    new Map(parts.map((part) => {
      const tensor = tensors.get(`${id}.${part}`);
      if (tensor === undefined) throw refusal(file, `it lacks "ip_adapter.${id}.${part}"`);
      return [part, tensor];
    }))
  );
}

/** A number, or a list of some, as a tensor of a checkpoint. */
export function numberTensor(value: number | readonly number[]): StoredTensor {
  const dims = typeof value === "number" ? [] : [value.length];
  return storedTensor(new Tensor("float32", Float32Array.from([value].flat()), dims));
}

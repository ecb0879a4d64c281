/**
 * Files as `torch.save` writes them since torch 1.6, made of a file of safetensors: an archive of a pickle and the
 * numbers.
 *
 * @module
 */
import { zipSync } from "fflate";
import {
  numberOfElements,
  openSafetensors,
  readBytes,
  type StoredTensor,
} from "@denoise/safetensors";

const STORAGES: Readonly<Record<string, string>> = {
  float32: "FloatStorage",
  float16: "HalfStorage",
  int64: "LongStorage",
};

/** Tensors by name, and dicts of them. */
interface Dict extends ReadonlyMap<string, StoredTensor | Dict> {}

const bytesOf = (text: string) => [...text].map((letter) => letter.charCodeAt(0));
const number = (value: number) => [0x4a, ...new Uint8Array(Int32Array.of(value).buffer)];
const text = (value: string) => {
  const bytes = new TextEncoder().encode(value);
  return [0x58, ...new Uint8Array(Uint32Array.of(bytes.length).buffer), ...bytes];
};
const tuple = (items: readonly (readonly number[])[]) => [0x28, ...items.flat(), 0x74];
const global = (module: string, name: string) => bytesOf(`c${module}\n${name}\n`);

function tensor({ dtype, dims }: StoredTensor, key: number): number[] {
  const strides = dims.map((_, axis) => numberOfElements({ dims: dims.slice(axis + 1) }));
  const storage = [text("storage"), global("torch", STORAGES[dtype]!), text(`${key}`), text("cpu")];
  const hooks = [...global("collections", "OrderedDict"), 0x29, 0x52];
  const args = [
    [...tuple([...storage, number(numberOfElements({ dims }))]), 0x51],
    number(0),
    tuple(dims.map(number)),
    tuple(strides.map(number)),
    [0x89],
    hooks,
  ];
  return [...global("torch._utils", "_rebuild_tensor_v2"), ...tuple(args), 0x52];
}

/** Writes a file of torch. */
export async function writeTorch(path: string, dict: Dict): Promise<void> {
  const files: Record<string, Uint8Array> = {};
  let key = 0;
  const pickled = async (item: StoredTensor | Dict): Promise<number[]> => {
    if ("dtype" in item) {
      files[`archive/data/${key}`] = await readBytes(item);
      return tensor(item, key++);
    }
    const items: number[][] = [];
    for (const [name, inner] of item) items.push([...text(name), ...await pickled(inner)]);
    return [0x7d, 0x28, ...items.flat(), 0x75];
  };
  const pickle = Uint8Array.from([0x80, 2, ...await pickled(dict), 0x2e]);
  const archive = {
    "archive/data.pkl": pickle,
    ...files,
    "archive/version": Uint8Array.of(51, 10),
  };
  await Deno.writeFile(path, zipSync(archive, { level: 0 }));
}

/** Writes the tensors of a file of safetensors as a file of torch, as a dict within one under `within`, if given. */
export async function copyAsTorch(from: string, to: string, within?: string): Promise<void> {
  const { tensors } = await openSafetensors(from);
  await writeTorch(to, within === undefined ? tensors : new Map([[within, tensors]]));
}

import { type AdapterFileOptions, adapterFiles } from "@denoise/adapters";
import { DenoiseError, type Registry, Tensor } from "@denoise/core";
import { isPickle, openPickle } from "@denoise/pickle";
import { openSafetensors, readTensor, type StoredTensor } from "@denoise/safetensors";

/** What a file of AUTOMATIC1111 holds, as an object. */
export interface NamedInversion {
  /** The word. */
  readonly name: string;
  /** Its vectors, float32 [vectors, width], under `"*"`. */
  readonly string_to_param: { readonly "*": Tensor };
}

/**
 * Learned vectors: a tensor, tensors by name, what a file of AUTOMATIC1111 holds, or a .safetensors file or one of torch
 * (.bin, .pt), or the folder or the id of the repo of one.
 */
export type InversionSource =
  | string
  | URL
  | Tensor
  | NamedInversion
  | Readonly<Record<string, Tensor>>;

/** The vectors of a word for one text encoder, float32 [vectors, width]. */
export interface LearnedWord {
  /** Which text encoder. */
  readonly encoder: "textEncoder" | "textEncoder2";
  /** The word that the file names; undefined where it names none. */
  readonly token: string | undefined;
  readonly vectors: Tensor;
}

/** Names of tensors in files of other makers, and the text encoder that they are for. */
const ENCODERS: Readonly<Record<string, LearnedWord["encoder"]>> = {
  emb_params: "textEncoder", // AUTOMATIC1111
  clip_l: "textEncoder", // SDXL
  clip_g: "textEncoder2",
};

/** What diffusers calls the file, now and before. */
const NAMES = ["learned_embeds.safetensors", "learned_embeds.bin"];

/** How a file is found. */
export interface FindOptions extends AdapterFileOptions {
  readonly weightName?: string | undefined;
}

async function fileOf(
  source: string | URL,
  { weightName, ...options }: FindOptions,
  registry: Registry | undefined,
): Promise<string> {
  const choose = (files: readonly string[]) => [
    weightName ?? NAMES.find((name) => files.includes(name)) ?? NAMES[0]!,
  ];
  const { files: [found] } = await adapterFiles(source, { choose }, options, registry);
  return found!;
}

function asRows(vectors: Tensor, name: string): Tensor {
  const rows = vectors.dims.length === 1 ? vectors.unsqueeze(0) : vectors;
  if (rows.dims.length === 2 && rows.dims[0]! > 0) return rows.astype("float32");
  throw new TypeError(
    `Cannot load the textual inversion ${JSON.stringify(name)}: its vectors must be [vectors, ` +
      `width] or [width], but are [${vectors.dims.join(", ")}]`,
  );
}

function wordsOf(tensors: ReadonlyMap<string, Tensor>, from: string, stem?: string): LearnedWord[] {
  const names = [...tensors.keys()];
  const known = names.every((name) => Object.hasOwn(ENCODERS, name));
  if (names.length === 0 || (names.length > 1 && !known)) {
    throw new DenoiseError(
      "unexpected_tensor",
      `Cannot load the textual inversion ${from}: it holds ` +
        `${
          names.slice(0, 5).join(", ") || "nothing"
        }; it must hold one tensor, or clip_l and clip_g`,
    );
  }
  return names.map((name) => ({
    encoder: known ? ENCODERS[name]! : "textEncoder",
    token: known ? stem : name,
    vectors: asRows(tensors.get(name)!, name),
  }));
}

/** Reads the vectors of a word for each text encoder. */
export async function readInversion(
  source: InversionSource,
  find: FindOptions,
  registry: Registry | undefined,
): Promise<LearnedWord[]> {
  if (source instanceof Tensor) {
    return [{ encoder: "textEncoder", token: undefined, vectors: asRows(source, "tensor") }];
  }
  if (typeof source !== "string" && !(source instanceof URL)) {
    if (isNamed(source)) {
      const vectors = asRows(source.string_to_param["*"], source.name);
      return [{ encoder: "textEncoder", token: source.name, vectors }];
    }
    return wordsOf(new Map(Object.entries(source)), "of tensors");
  }
  const file = await fileOf(source, find, registry);
  const from = JSON.stringify(file);
  const stem = file.replace(/^.*[/\\]/, "").replace(/\.\w+$/, "");
  if (!isPickle(file)) {
    return wordsOf(await readAll((await openSafetensors(file)).tensors), from, stem);
  }
  const { tensors, values } = await openPickle(file);
  const alone = tensors.get("") ?? tensors.get("string_to_param.*");
  if (alone === undefined) return wordsOf(await readAll(tensors), from, stem);
  const name = values.get("name");
  const token = typeof name === "string" ? name : undefined;
  return [{ encoder: "textEncoder", token, vectors: asRows(await readTensor(alone), from) }];
}

async function readAll(
  tensors: ReadonlyMap<string, StoredTensor>,
): Promise<ReadonlyMap<string, Tensor>> {
  const read = [...tensors].map(async ([name, stored]) =>
    [name, await readTensor(stored)] as const
  );
  return new Map(await Promise.all(read));
}

function isNamed(source: object): source is NamedInversion {
  const { name, string_to_param: vectors } = source as Partial<NamedInversion>;
  return typeof name === "string" && vectors?.["*"] instanceof Tensor;
}

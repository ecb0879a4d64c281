import { type AdapterFileOptions, adapterFiles, isPickle } from "@denoise/adapters";
import { DenoiseError, type Registry, Tensor } from "@denoise/core";
import { openSafetensors, readTensor } from "@denoise/safetensors";

/** What a file of AUTOMATIC1111 holds, as an object. */
export interface NamedInversion {
  /** The word. */
  readonly name: string;
  /** Its vectors, float32 [vectors, width], under `"*"`. */
  readonly string_to_param: { readonly "*": Tensor };
}

/**
 * Learned vectors: a tensor, tensors by name, what a file of AUTOMATIC1111 holds, or a .safetensors file, or the folder
 * or the id of the repo of one.
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

/** How a file is found. */
export interface FindOptions extends AdapterFileOptions {
  readonly weightName?: string | undefined;
}

async function fileOf(
  source: string | URL,
  { weightName = "learned_embeds.safetensors", ...options }: FindOptions,
  registry: Registry | undefined,
): Promise<string> {
  const wanted = { deed: "load a textual inversion", choose: () => [weightName] };
  const { files: [found] } = await adapterFiles(source, wanted, options, registry);
  const file = found!;
  if (!isPickle(file)) return file;
  throw new DenoiseError(
    "pickle_refused",
    `Cannot load ${JSON.stringify(file)}: Python pickles can run any code when they are read, so ` +
      `they never are; convert the embedding to .safetensors`,
  );
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
  const { tensors } = await openSafetensors(file);
  const read = await Promise.all(
    [...tensors].map(async ([name, stored]) => [name, await readTensor(stored)] as const),
  );
  const stem = file.replace(/^.*[/\\]/, "").replace(/\.safetensors$/, "");
  return wordsOf(new Map(read), JSON.stringify(file), stem);
}

function isNamed(source: object): source is NamedInversion {
  const { name, string_to_param: vectors } = source as Partial<NamedInversion>;
  return typeof name === "string" && vectors?.["*"] instanceof Tensor;
}

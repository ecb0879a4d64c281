/**
 * Textual inversion: words learned from a few images, as rows that are added to the token table of
 * a text encoder. Gal et al., "An Image is Worth One Word" (arXiv:2208.01618).
 *
 * Files of diffusers (`learned_embeds.safetensors` or `.bin`) and of AUTOMATIC1111 (`emb_params`, or `string_to_param`
 * in a `.pt` file or an object), of one vector or several, and those of SDXL for both encoders (`clip_l`, `clip_g`); lists
 * of them. Files of torch are read without running anything (@denoise/pickle). The words are not written by `savePretrained`. A word of several vectors
 * is written out also where it has capitals; diffusers 0.42.1 on transformers 5 leaves those alone.
 *
 * @example
 * ```ts ignore
 * import { DiffusionPipeline } from "@denoise/denoise";
 *
 * const pipe = await DiffusionPipeline.fromPretrained("stable-diffusion-v1-5/stable-diffusion-v1-5");
 * await pipe.loadTextualInversion("./learned_embeds.safetensors", { token: "<cat-toy>" });
 * const { images } = await pipe("a <cat-toy> on a table");
 * ```
 *
 * @module
 */
import { type AdapterFileOptions, adapterFileOptions, defineAdapter } from "@denoise/adapters";
import {
  type AdapterClass,
  type CallOptions,
  checkOptions,
  DenoiseError,
  type Registry,
  Tensor,
} from "@denoise/core";
import type { ExtendableModel } from "@denoise/onnx";
import { storedTensor } from "@denoise/safetensors";
import {
  type InversionSource,
  type LearnedWord,
  type NamedInversion,
  readInversion,
} from "./read.ts";
import { type Inversion, InversionTokenizer, isExtendable, tokensOf } from "./tokenizer.ts";

export type { InversionSource, NamedInversion };

/** A pipeline, or anything with components that can be replaced. */
export interface Invertible {
  /** The components by role. */
  readonly components: object;
  /** Has the sources of repos. */
  readonly registry?: Registry | undefined;
}

/**
 * How a textual inversion is loaded.
 *
 * @category Adapters
 */
export interface TextualInversionOptions extends Omit<AdapterFileOptions, "token"> {
  /**
   * The word in prompts, or one for each source; for one tensor of vectors, a list with a word for each of its rows.
   * Defaults to what the file names it, or the file's own name.
   */
  readonly token?: string | readonly string[] | undefined;
  /** Access token of the Hub, since `token` is the word here as in diffusers. */
  readonly hfToken?: string | undefined;
  /** The file in a folder or repo. Defaults to `learned_embeds.safetensors`, or `learned_embeds.bin` where only that is there. */
  readonly weightName?: string | undefined;
  /** Which text encoder a tensor is for. Defaults to `"textEncoder"`. */
  readonly textEncoder?: "textEncoder" | "textEncoder2" | undefined;
}

const inversionOptions: CallOptions<TextualInversionOptions> = {
  ...adapterFileOptions,
  hfToken: { type: "string" },
  token: { type: "string", list: "allowed" },
  weightName: { type: "string" },
  textEncoder: { type: "string", choices: ["textEncoder", "textEncoder2"] },
};

type Encoder = LearnedWord["encoder"];
type Parts = Readonly<Record<string, unknown>>;

const NAME = "textual inversion";
const ROWS = "embeddings.token_embedding.extra_rows";
const TOKENIZERS = { textEncoder: "tokenizer", textEncoder2: "tokenizer2" } as const;
const ENCODERS: readonly Encoder[] = ["textEncoder", "textEncoder2"];

function inversionsOf(pipe: Invertible, encoder: Encoder): readonly Inversion[] {
  const tokenizer = (pipe.components as Parts)[TOKENIZERS[encoder]];
  return tokenizer instanceof InversionTokenizer ? tokenizer.inversions : [];
}

/** Puts these words, and no others, into one text encoder and its tokenizer. */
async function setInversions(
  pipe: Invertible,
  encoder: Encoder,
  inversions: readonly Inversion[],
): Promise<void> {
  const parts = pipe.components as Parts;
  const role = TOKENIZERS[encoder];
  const known = parts[role];
  const base = known instanceof InversionTokenizer ? known.base : known;
  const model = parts[encoder] as ExtendableModel<{ vocab_size: number; hidden_size: number }>;
  if (!isExtendable(base) || typeof model?.setExtension !== "function") {
    throw new DenoiseError(
      "missing_component",
      `Cannot load a textual inversion: the pipeline has no ${encoder} and ${role} that take words`,
    );
  }
  if (inversions.length === 0) {
    await model.setExtension(NAME, undefined);
    Object.assign(pipe, { [role]: base });
    return;
  }
  const { vocab_size: size, hidden_size: width } = model.config;
  for (const { token, vectors } of inversions) {
    if (vectors.dims[1] === width) continue;
    throw new RangeError(
      `Cannot load the textual inversion ${JSON.stringify(token)}: its vectors have ` +
        `${vectors.dims[1]} numbers, but ${encoder} takes ${width}; is it of another model?`,
    );
  }
  if (base.size !== size) {
    throw new RangeError(
      `Cannot load a textual inversion: the tokenizer has ${base.size} tokens, but ${encoder} ` +
        `rows for ${size}`,
    );
  }
  const rows = Tensor.cat(inversions.map(({ vectors }) => vectors));
  await model.setExtension(NAME, new Map([[ROWS, storedTensor(rows)]]));
  Object.assign(pipe, { [role]: new InversionTokenizer(base, inversions) });
}

function checkToken(pipe: Invertible, encoder: Encoder, word: Inversion): void {
  const tokenizer = (pipe.components as Parts)[TOKENIZERS[encoder]];
  const learned = inversionsOf(pipe, encoder).flatMap(tokensOf);
  const base = tokenizer instanceof InversionTokenizer ? tokenizer.base : tokenizer;
  const isKnown = (token: string) =>
    learned.includes(token) || (isExtendable(base) && base.tokenToId(token) !== undefined);
  const taken = tokensOf(word).find(isKnown);
  if (taken === undefined) return;
  throw new RangeError(
    `Cannot load the textual inversion ${JSON.stringify(word.token)}: the tokenizer knows ` +
      `${JSON.stringify(taken)} already; give another token, or call unloadTextualInversion first`,
  );
}

/**
 * Loads learned words, which prompts may use from then on (`load_textual_inversion`).
 *
 * @param source A .safetensors file or one of torch (.bin, .pt), a folder that holds one, or the vectors themselves; or
 *   a list of these.
 * @returns The words, one for each source.
 * @throws {TypeError} for an unknown option, and as many words as there are not sources.
 * @throws {RangeError} when the word is known already, or the vectors are of another model.
 * @throws {DenoiseError} `pickle_refused`, `unexpected_tensor` or `missing_component`.
 * @category Adapters
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionPipeline.fromPretrained("./stable-diffusion-v1-5");
 * await pipe.loadTextualInversion("./learned_embeds.safetensors");
 * await pipe("a <cat-toy> on a table");
 * ```
 */
export async function loadTextualInversion(
  pipe: Invertible,
  source: InversionSource | readonly InversionSource[],
  options: TextualInversionOptions = {},
): Promise<readonly string[]> {
  checkOptions("load a textual inversion", options, inversionOptions);
  const { token, hfToken, textEncoder, ...where } = options;
  const named = namedSources(source, token);
  const found: Found[] = [];
  for (const [source, given] of named) {
    const words = await readInversion(source, { ...where, token: hfToken }, pipe.registry);
    const token = given ?? words[0]!.token;
    if (token === undefined || token === "") {
      throw new TypeError("Cannot load a textual inversion without its word: give it as token");
    }
    for (const { encoder, vectors } of words) {
      const own = words.length === 1 ? textEncoder ?? encoder : encoder;
      found.push({ encoder: own, token, vectors });
    }
  }
  const before = ENCODERS.map((encoder) => [encoder, inversionsOf(pipe, encoder)] as const);
  try {
    for (const { encoder, ...word } of found) {
      checkToken(pipe, encoder, word);
      await setInversions(pipe, encoder, [...inversionsOf(pipe, encoder), word]);
    }
  } catch (error) {
    for (const [encoder, inversions] of before) {
      const isChanged = inversionsOf(pipe, encoder).length > inversions.length;
      if (isChanged) await setInversions(pipe, encoder, inversions);
    }
    throw error;
  }
  return [...new Set(found.map(({ token }) => token))];
}

/** A word for one text encoder. */
interface Found extends Inversion {
  readonly encoder: Encoder;
}

/** Each source with its word, where the call says it. */
function namedSources(
  source: InversionSource | readonly InversionSource[],
  token: TextualInversionOptions["token"],
): readonly (readonly [InversionSource, string | undefined])[] {
  const sources = Array.isArray(source) ? source as readonly InversionSource[] : rowsOf(
    source as InversionSource,
    token,
  );
  const tokens = Array.isArray(token) ? token as readonly string[] : undefined;
  if (sources.length === 0) {
    throw new TypeError("Cannot load a textual inversion: the list of sources is empty");
  }
  if (tokens === undefined && token !== undefined && sources.length > 1) {
    throw new TypeError(
      `Cannot give ${sources.length} textual inversions one word: give a list with one for each`,
    );
  }
  if (tokens !== undefined && tokens.length !== sources.length) {
    throw new TypeError(
      `Cannot pair ${sources.length} textual inversions with ${tokens.length} words: give one for each`,
    );
  }
  return sources.map((source, i) => [source, tokens?.[i] ?? token as string | undefined]);
}

/** The rows of one tensor, where several words are for it; else the source alone. */
function rowsOf(
  source: InversionSource,
  token: TextualInversionOptions["token"],
): readonly InversionSource[] {
  const several = Array.isArray(token) && token.length > 1;
  return several && source instanceof Tensor && source.dims.length === 2
    ? source.chunk(source.dims[0]!)
    : [source];
}

/**
 * Takes learned words away, all unless named; the models are as they were loaded
 * (`unload_textual_inversion`).
 *
 * @throws {RangeError} for a word that is not there.
 * @category Adapters
 *
 * @example
 * ```ts ignore
 * import { StableDiffusionPipeline } from "@denoise/denoise";
 *
 * const pipe = await StableDiffusionPipeline.fromPretrained("./stable-diffusion-v1-5");
 * await pipe.loadTextualInversion("./learned_embeds.safetensors");
 * await pipe.unloadTextualInversion();
 * ```
 */
export async function unloadTextualInversion(
  pipe: Invertible,
  tokens?: string | readonly string[],
): Promise<void> {
  const known = ENCODERS.flatMap((encoder) => inversionsOf(pipe, encoder).map((one) => one.token));
  const gone = tokens === undefined ? known : [tokens].flat() as string[];
  const unknown = gone.find((token) => !known.includes(token));
  if (unknown !== undefined) {
    throw new RangeError(
      `Cannot take away the word ${JSON.stringify(unknown)}: there are ` +
        `${known.join(", ") || "none"}`,
    );
  }
  for (const encoder of ENCODERS) {
    const here = inversionsOf(pipe, encoder);
    const left = here.filter(({ token }) => !gone.includes(token));
    if (left.length < here.length) await setInversions(pipe, encoder, left);
  }
}

/** Gives pipelines the functions of this module as methods (`TextualInversionLoaderMixin` of diffusers). */
export const TextualInversionLoaderMixin: AdapterClass<{
  readonly loadTextualInversion: typeof loadTextualInversion;
  readonly unloadTextualInversion: typeof unloadTextualInversion;
}> = defineAdapter({
  className: "TextualInversionLoaderMixin",
  functions: { loadTextualInversion, unloadTextualInversion },
});

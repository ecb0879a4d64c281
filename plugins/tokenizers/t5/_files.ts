import { readFile } from "node:fs/promises";
import { DenoiseError, isFile, joinPath } from "@denoise/core";
import {
  type AddedToken,
  readTokenizerSettings,
  type TokenizerFiles,
  type Vocabulary,
} from "@denoise/tokenizers";
import { type Charsmap, readCharsmap } from "./_charsmap.ts";
import { readSentencePiece, type SentencePieceModel } from "./_spiece.ts";

/** The files that a tokenizer folder may have. */
export const FILE_NAMES: readonly string[] = [
  "spiece.model",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
];

/** A piece with the logarithm of its probability; its place is its id. */
export type ScoredPiece = readonly [piece: string, score: number];

/** What the files of a tokenizer say. */
export interface T5Files extends TokenizerFiles {
  /** The pieces in the order of their ids. */
  readonly pieces: readonly ScoredPiece[];
  /** The normalization; none in models without one. */
  readonly charsmap: Charsmap | undefined;
  /** Pieces that are found in a text before it is split, beside the special tokens. */
  readonly symbols: readonly AddedToken[];
}

/** Where the piece for unknown text stands in every T5 model. */
export const UNK_ID = 2;

/** How many tokens such as `<extra_id_0>` there are unless the files say otherwise. */
const EXTRA_IDS = 100;

/** The names of those tokens, the last one first, as they stand in the vocabulary. */
export function extraIds(config: TokenizerFiles["config"]): string[] {
  const count = config["extra_ids"];
  const length = typeof count === "number" ? count : EXTRA_IDS;
  return Array.from({ length }, (_, i) => `<extra_id_${length - 1 - i}>`);
}

/** The ids of pieces. */
export function vocabularyOf(pieces: readonly ScoredPiece[]): Vocabulary {
  return Object.fromEntries(pieces.map(([piece], id) => [piece, id]));
}

function invalid(file: string, why: string, cause?: unknown): DenoiseError {
  return new DenoiseError("invalid_config", `Cannot read ${file}: ${why}`, { cause });
}

function checkPieces(vocab: unknown, file: string): readonly ScoredPiece[] {
  const isPiece = (item: unknown) =>
    Array.isArray(item) && item.length === 2 && typeof item[0] === "string" &&
    typeof item[1] === "number";
  if (!Array.isArray(vocab) || vocab.length <= UNK_ID || !vocab.every(isPiece)) {
    throw invalid(
      file,
      `its model must be Unigram with a vocabulary [[piece, score], ...], whose piece ${UNK_ID} ` +
        `stands for unknown text`,
    );
  }
  return vocab as readonly ScoredPiece[];
}

function parseCharsmap(bytes: Uint8Array | undefined, file: string): Charsmap | undefined {
  if (bytes === undefined || bytes.length === 0) return undefined;
  try {
    return readCharsmap(bytes);
  } catch (cause) {
    throw invalid(file, `its normalization is broken: ${(cause as Error).message}`, cause);
  }
}

type Normalizer = {
  readonly type?: string;
  readonly precompiled_charsmap?: string | null;
  readonly normalizers?: readonly Normalizer[];
};

/** The compiled normalization among the normalizers of tokenizer.json. */
function charsmapOf(normalizer: unknown, file: string): Charsmap | undefined {
  const given = normalizer as Normalizer | null | undefined;
  const list = given?.type === "Sequence" ? given.normalizers ?? [] : [given];
  const found = list.find((item) => item?.type === "Precompiled")?.precompiled_charsmap;
  if (typeof found !== "string") return undefined;
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.from(atob(found), (byte) => byte.charCodeAt(0));
  } catch (cause) {
    throw invalid(file, "its precompiled_charsmap is no base64", cause);
  }
  return parseCharsmap(bytes, file);
}

async function readModel(file: string): Promise<SentencePieceModel> {
  const bytes = new Uint8Array(await readFile(file));
  let model: SentencePieceModel;
  try {
    model = readSentencePiece(bytes);
  } catch (cause) {
    throw invalid(file, `it is no SentencePiece model: ${(cause as Error).message}`, cause);
  }
  if (model.modelType === 1) return model;
  throw invalid(file, `its model is of type ${model.modelType}, but must be 1 (unigram)`);
}

/** Control pieces and those that a user has defined, of the types 3 and 4. */
function symbolsOf({ pieces }: SentencePieceModel): AddedToken[] {
  return pieces.filter(({ type }) => type === 3 || type === 4).map(({ text, type }) => ({
    content: text,
    lstrip: false,
    rstrip: false,
    single_word: false,
    normalized: false,
    special: type === 3,
  }));
}

/**
 * Reads a tokenizer folder; tokenizer.json goes before spiece.model.
 *
 * @throws {DenoiseError} `missing_file` when it has neither; `invalid_config` for broken ones.
 */
export async function readT5Files(folder: string): Promise<T5Files> {
  const settings = await readTokenizerSettings(folder);
  const vocab = settings.model?.["vocab"];
  if (vocab !== undefined) {
    const file = joinPath(folder, "tokenizer.json");
    const charsmap = charsmapOf(settings.normalizer, file);
    const pieces = checkPieces(vocab, file);
    return { ...settings, pieces, vocab: vocabularyOf(pieces), charsmap, symbols: [] };
  }
  const file = joinPath(folder, "spiece.model");
  if (!await isFile(file)) {
    throw new DenoiseError(
      "missing_file",
      `Cannot load a tokenizer from ${JSON.stringify(folder)}: it has no spiece.model (it needs ` +
        `tokenizer.json, or spiece.model)`,
    );
  }
  const model = await readModel(file);
  const own = checkPieces(model.pieces.map(({ text, score }) => [text, score]), file);
  const extra = extraIds(settings.config).map((token): ScoredPiece => [token, 0]);
  const pieces = [...own, ...extra];
  return {
    ...settings,
    pieces,
    vocab: vocabularyOf(pieces),
    charsmap: parseCharsmap(model.charsmap, file),
    symbols: symbolsOf(model),
  };
}

import { DenoiseError, isFile, joinPath } from "@denoise/core";
import type { Charsmap } from "./charsmap.ts";
import {
  readTokenizerSettings,
  type TokenizerFiles,
  type TokenizerSettings,
  type Vocabulary,
} from "./files.ts";
import type { SentencePieceModel } from "./sentence_piece.ts";
import { charsmapIn, invalidTokenizerFile, readSentencePieceFile } from "./sentence_piece_file.ts";
import {
  type AddedToken,
  placeTokens,
  resolveSpecialTokens,
  type SpecialTokens,
  type TokenizerTokens,
} from "./special_tokens.ts";

/** A piece with the logarithm of its probability; its place is its id. */
export type ScoredPiece = readonly [piece: string, score: number];

/** What the files of a tokenizer with a unigram model say. */
export interface UnigramFiles extends TokenizerFiles {
  /** The pieces in the order of their ids. */
  readonly pieces: readonly ScoredPiece[];
  /** The normalization; none in models without one. */
  readonly charsmap: Charsmap | undefined;
  /** Pieces that are found in a text before it is split, beside the special tokens. */
  readonly symbols: readonly AddedToken[];
}

/** How a class of tokenizers has its pieces. */
export interface UnigramLayout {
  /** The name of its SentencePiece model, such as `"spiece.model"`. */
  readonly fileName: string;
  /** The id of the piece that stands for unknown text. */
  readonly unkId: number;
  /** The pieces by id, of those that the SentencePiece model has. */
  arrange(pieces: readonly ScoredPiece[], settings: TokenizerSettings): readonly ScoredPiece[];
}

/** The files that the folder of a tokenizer with a unigram model may have. */
export function unigramFileNames({ fileName }: UnigramLayout): readonly string[] {
  return [
    fileName,
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
  ];
}

/**
 * The special tokens of the files, and the symbols of the SentencePiece model.
 *
 * @param defaults What stands where the files say nothing.
 */
export function unigramTokens(files: UnigramFiles, defaults: SpecialTokens): TokenizerTokens {
  const { roles, added } = resolveSpecialTokens(files, defaults);
  const known = new Set(added.map(({ content }) => content));
  const symbols = files.symbols.filter(({ content }) => !known.has(content));
  return { roles: { ...defaults, ...roles }, added: placeTokens(files.vocab, symbols, added) };
}

/** The ids of pieces. */
export function vocabularyOf(pieces: readonly ScoredPiece[]): Vocabulary {
  return Object.fromEntries(pieces.map(([piece], id) => [piece, id]));
}

function checkPieces(vocab: unknown, unkId: number, file: string): readonly ScoredPiece[] {
  const isPiece = (item: unknown) =>
    Array.isArray(item) && item.length === 2 && typeof item[0] === "string" &&
    typeof item[1] === "number";
  if (!Array.isArray(vocab) || vocab.length <= unkId || !vocab.every(isPiece)) {
    throw invalidTokenizerFile(
      file,
      `its model must be Unigram with a vocabulary [[piece, score], ...], whose piece ${unkId} ` +
        `stands for unknown text`,
    );
  }
  return vocab as readonly ScoredPiece[];
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
    throw invalidTokenizerFile(file, "its precompiled_charsmap is no base64", cause);
  }
  return charsmapIn(file, bytes);
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
 * Reads the folder of a tokenizer with a unigram model; tokenizer.json goes before the SentencePiece model.
 *
 * @throws {DenoiseError} `missing_file` when it has neither; `invalid_config` for broken ones.
 */
export async function readUnigramFiles(
  folder: string,
  { fileName, unkId, arrange }: UnigramLayout,
): Promise<UnigramFiles> {
  const settings = await readTokenizerSettings(folder);
  const vocab = settings.model?.["vocab"];
  if (vocab !== undefined) {
    const file = joinPath(folder, "tokenizer.json");
    const charsmap = charsmapOf(settings.normalizer, file);
    const pieces = checkPieces(vocab, unkId, file);
    return { ...settings, pieces, vocab: vocabularyOf(pieces), charsmap, symbols: [] };
  }
  const file = joinPath(folder, fileName);
  if (!await isFile(file)) {
    throw new DenoiseError(
      "missing_file",
      `Cannot load a tokenizer from ${JSON.stringify(folder)}: it has no ${fileName} (it needs ` +
        `tokenizer.json, or ${fileName})`,
    );
  }
  const model = await readSentencePieceFile(file, 1);
  const own = checkPieces(model.pieces.map(({ text, score }) => [text, score]), unkId, file);
  const pieces = arrange(own, settings);
  return {
    ...settings,
    pieces,
    vocab: vocabularyOf(pieces),
    charsmap: charsmapIn(file, model.charsmap),
    symbols: symbolsOf(model),
  };
}

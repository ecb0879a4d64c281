import { readFile } from "node:fs/promises";
import { DenoiseError } from "@denoise/core";
import { type Charsmap, readCharsmap } from "./charsmap.ts";
import { readSentencePiece, type SentencePieceModel } from "./sentence_piece.ts";

/** The models that SentencePiece has, by their types. */
const TYPES = { 1: "unigram", 2: "byte pairs" } as const;

/** The error for a file of a tokenizer that cannot be read. */
export function invalidTokenizerFile(file: string, why: string, cause?: unknown): DenoiseError {
  return new DenoiseError("invalid_config", `Cannot read ${file}: ${why}`, { cause });
}

/**
 * Reads a file with a model of SentencePiece.
 *
 * @param type What its model must be: 1 unigram, 2 byte pairs.
 * @throws {DenoiseError} `invalid_config` where it is no such model.
 */
export async function readSentencePieceFile(
  file: string,
  type: 1 | 2,
): Promise<SentencePieceModel> {
  const bytes = new Uint8Array(await readFile(file));
  let model: SentencePieceModel;
  try {
    model = readSentencePiece(bytes);
  } catch (cause) {
    const why = `it is no SentencePiece model: ${(cause as Error).message}`;
    throw invalidTokenizerFile(file, why, cause);
  }
  if (model.modelType === type) return model;
  throw invalidTokenizerFile(
    file,
    `its model is of type ${model.modelType}, but must be ${type} (${TYPES[type]})`,
  );
}

/**
 * The compiled normalization of a file; undefined where there is none.
 *
 * @throws {DenoiseError} `invalid_config` where it is broken.
 */
export function charsmapIn(file: string, bytes: Uint8Array | undefined): Charsmap | undefined {
  if (bytes === undefined || bytes.length === 0) return undefined;
  try {
    return readCharsmap(bytes);
  } catch (cause) {
    const why = `its normalization is broken: ${(cause as Error).message}`;
    throw invalidTokenizerFile(file, why, cause);
  }
}

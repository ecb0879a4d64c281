import { findTokens, type PlacedToken, type TextPart } from "@denoise/tokenizers";
import { Unigram } from "@huggingface/tokenizers";
import type { Charsmap } from "./_charsmap.ts";
import { type ScoredPiece, UNK_ID } from "./_files.ts";

/** What stands for a space at the beginning of a word. */
const SPACE = "▁";

/** Text to ids and back, without what is put around a text. */
export interface Backend {
  /** Ids of a text. */
  encode(text: string): number[];
  /** The token of an id. */
  tokenOf(id: number): string | undefined;
  /** The id of a token. */
  idOf(token: string): number | undefined;
  /** How many tokens there are. */
  readonly size: number;
}

/**
 * The pipeline of transformers' `T5Tokenizer`: added tokens are cut out, the rest is normalized and
 * split at white space, each word gets a `▁` before it and becomes the most likely row of pieces
 * (Kudo, "Subword Regularization", arXiv:1804.10959).
 */
export function buildBackend(
  pieces: readonly ScoredPiece[],
  charsmap: Charsmap | undefined,
  added: readonly PlacedToken[],
): Backend {
  const vocab = pieces.map(([piece, score]) => [piece, score] as [string, number]);
  const model = new Unigram({ type: "Unigram", vocab, unk_id: UNK_ID }, "");
  const normalize = (text: string): string => charsmap?.normalize(text) ?? text;
  const ids = new Map(pieces.map(([piece], id) => [piece, id]));
  const tokens = pieces.map(([piece]) => piece);
  for (const { content, id, normalized } of added) {
    ids.set(content, id);
    tokens[id] = normalized ? normalize(content) : content; // as tokenizers decodes it
  }
  const inText = findTokens(added.filter(({ normalized }) => !normalized), (token) => token);
  const inNormalized = findTokens(added.filter(({ normalized }) => normalized), normalize);

  const encodeWord = (word: string): number[] =>
    model([word]).map((piece) => model.tokens_to_ids.get(piece) ?? UNK_ID);
  const encodeText = (text: string): number[] => words(text).flatMap(encodeWord);
  const encodeParts = (parts: readonly TextPart[], encode: (text: string) => number[]): number[] =>
    parts.flatMap((part) => typeof part === "string" ? encode(part) : [part.id]);

  return {
    encode: (text) =>
      encodeParts(
        inText(text.toWellFormed()),
        (rest) => encodeParts(inNormalized(normalize(rest)), encodeText),
      ),
    tokenOf: (id) => tokens[id],
    idOf: (token) => ids.get(token),
    size: tokens.length,
  };
}

/** The words of a text, each with its `▁`; one inside of a word begins another. */
function words(text: string): string[] {
  const found = text.match(/\P{White_Space}+/gu) ?? [];
  return found.flatMap((word) => {
    const marked = word.startsWith(SPACE) ? word : SPACE + word;
    return marked.match(/▁[^▁]*/gu) ?? [];
  });
}

/** Pieces as text: those of a word together, words with a space between them. */
export function joinPieces(pieces: readonly string[]): string {
  return pieces.map((piece, i) => piece.replaceAll(SPACE, i === 0 ? "" : " ")).join("");
}

/** Takes away the spaces before marks and contractions (`clean_up_tokenization` of transformers). */
export function cleanUp(text: string): string {
  const replacements = [" .", " ?", " !", " ,", " ' ", " n't", " 'm", " 's", " 've", " 're"];
  return replacements.reduce((rest, found) => rest.replaceAll(found, found.trim()), text);
}

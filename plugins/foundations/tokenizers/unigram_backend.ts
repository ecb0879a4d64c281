import { Unigram } from "@huggingface/tokenizers";
import type { TokenizerBackend } from "./define_tokenizer.ts";
import { encodeBetween } from "./find_tokens.ts";
import type { PlacedToken } from "./special_tokens.ts";
import type { UnigramFiles } from "./unigram_files.ts";

/** What stands for a space at the beginning of a word. */
const SPACE = "▁";

/**
 * The unigram model of SentencePiece: added tokens are cut out, the rest is normalized and split at white
 * space, each word gets a `▁` before it and becomes the most likely row of pieces (Kudo, "Subword
 * Regularization", arXiv:1804.10959).
 *
 * @param unkId The id of the piece that stands for unknown text.
 */
export function unigramBackend(
  { pieces, charsmap, config }: Pick<UnigramFiles, "pieces" | "charsmap" | "config">,
  added: readonly PlacedToken[],
  unkId: number,
): TokenizerBackend {
  const clean = config["clean_up_tokenization_spaces"] === true;
  const vocab = pieces.map(([piece, score]) => [piece, score] as [string, number]);
  const model = new Unigram({ type: "Unigram", vocab, unk_id: unkId }, "");
  const normalize = (text: string): string => charsmap?.normalize(text) ?? text;
  const ids = new Map(pieces.map(([piece], id) => [piece, id]));
  const tokens = pieces.map(([piece]) => piece);
  for (const { content, id, normalized } of added) {
    ids.set(content, id);
    tokens[id] = normalized ? normalize(content) : content; // as tokenizers decodes it
  }
  const encodeWord = (word: string): number[] =>
    model([word]).map((piece) => model.tokens_to_ids.get(piece) ?? unkId);
  return {
    encode: encodeBetween(added, normalize, (text) => words(text).flatMap(encodeWord)),
    decode: (ids) => {
      const text = joinPieces(ids.map((id) => tokens[id]).filter((piece) => piece !== undefined));
      return clean ? cleanUp(text) : text;
    },
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
function joinPieces(pieces: readonly string[]): string {
  return pieces.map((piece, i) => piece.replaceAll(SPACE, i === 0 ? "" : " ")).join("");
}

/** Takes away the spaces before marks and contractions (`clean_up_tokenization` of transformers). */
function cleanUp(text: string): string {
  const replacements = [" .", " ?", " !", " ,", " ' ", " n't", " 'm", " 's", " 've", " 're"];
  return replacements.reduce((rest, found) => rest.replaceAll(found, found.trim()), text);
}

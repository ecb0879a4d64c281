import {
  type Charsmap,
  encodeBetween,
  type Piece,
  type PlacedToken,
  type SentencePieceModel,
  type TokenizerBackend,
} from "@denoise/tokenizers";
import { merger } from "./_merge.ts";
import { fixedIn, normalizer, SPACE } from "./_normalize.ts";

/** What a SentencePiece model writes for a character that it does not know. */
const UNKNOWN = " ⁇ ";
const encoder = new TextEncoder();

/** What the files have of a tokenizer, ready to use. */
export interface ChatGLMParts {
  /** Pieces and how a text is normalized. */
  readonly model: SentencePieceModel;
  /** The compiled normalization, where there is one. */
  readonly charsmap: Charsmap | undefined;
  /** Tokens behind the pieces, by their ids, which no text has. */
  readonly commands: ReadonlyMap<string, number>;
  /** Those of them that are found in texts. */
  readonly found: readonly PlacedToken[];
}

/** Id of the piece for unknown text, which rows are filled up with, too. */
export function unknownId({ pieces }: Pick<SentencePieceModel, "pieces">): number {
  return pieces.findIndex(({ type }) => type === 2);
}

/**
 * Byte-pair encoding of a SentencePiece model: each stretch of a text between two added tokens is normalized, gets
 * a space before it and is merged; characters that no piece has become their bytes, or one unknown piece for all in a row.
 */
export function chatGLMBackend(
  { model, charsmap, commands, found }: ChatGLMParts,
  added: readonly PlacedToken[],
): TokenizerBackend {
  const { pieces, byteFallback } = model;
  const unknown = unknownId(model);
  const ids = new Map(pieces.map(({ text }, id) => [text, id]));
  for (const [token, id] of commands) ids.set(token, id);
  const tokens = new Map([...commands].map(([token, id]) => [id, token]));
  for (const { content, id } of added) tokens.set(id, content);
  const contents = new Map(added.map(({ content, id }) => [content, id]));

  const write = decoder(model);
  const fixedAt = fixedIn(pieces);
  const normalize = normalizer(model, charsmap, fixedAt);
  const merge = merger(model, fixedAt);
  const bytesOf = (piece: string) =>
    Array.from(
      encoder.encode(piece),
      (byte) => ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`) ?? unknown,
    );
  const idsOf = (piece: string) => {
    const id = ids.get(piece) ?? unknown;
    return id === unknown && byteFallback ? bytesOf(piece) : [id];
  };
  const encodeText = (text: string): number[] => {
    const row = merge(normalize(text)).flatMap(idsOf);
    return row.filter((id, i) => id !== unknown || row[i - 1] !== unknown);
  };
  return {
    encode: encodeBetween(
      [...added, ...found].map((token) => ({ ...token, normalized: false })),
      (text) => text,
      (text) => text === "" ? [] : encodeText(text),
    ),
    decode: (row) => write(row.map((id) => tokens.get(id) ?? id)),
    tokenOf: (id) => tokens.get(id) ?? pieces[id]?.text,
    idOf: (token) => contents.get(token) ?? (token === PAD ? unknown : ids.get(token)),
    size: Math.max(pieces.length + commands.size, ...added.map(({ id }) => id + 1)),
  };
}

/** What names the id that rows are filled up with, which is that of unknown text. */
export const PAD = "<pad>";

/** What turns pieces by id and tokens by name into their text (`DecodePieces`): bytes in a row are UTF-8. */
function decoder(
  { pieces, addDummyPrefix, removeExtraWhitespaces }: SentencePieceModel,
): (row: readonly (number | string)[]) => string {
  const byText = new Map(pieces.map((piece) => [piece.text, piece]));
  return (row) => {
    let text = "";
    let bytes: number[] = [];
    let isStart = addDummyPrefix || removeExtraWhitespaces;
    let hadSpace = false;
    for (const one of row) {
      const piece = typeof one === "string" ? byText.get(one) : pieces[one];
      if (piece?.type === 6) {
        bytes.push(Number.parseInt(piece.text.slice(3, 5), 16));
        continue;
      }
      text += utf8(bytes);
      bytes = [];
      isStart &&= !hadSpace && text === "";
      const own = typeof one === "number" && piece?.type === 2 ? "" : surfaceOf(piece, one);
      const isSpaced: boolean = isStart && own.startsWith(SPACE);
      hadSpace = isSpaced && !removeExtraWhitespaces;
      const shown = isSpaced ? own.slice(1) : own;
      text += piece === undefined ? shown : shown.replaceAll(SPACE, " ");
    }
    return text + utf8(bytes);
  };
}

/** How a piece or a token is written: control pieces not at all. */
function surfaceOf(piece: Piece | undefined, given: number | string): string {
  if (piece === undefined) return typeof given === "string" ? given : "";
  return piece.type === 2 ? UNKNOWN : piece.type === 3 ? "" : piece.text;
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes as text, each one that is not part of a character as U+FFFD. */
function utf8(bytes: readonly number[]): string {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const lead = bytes[at]!;
    const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    try {
      text += strict.decode(Uint8Array.from(bytes.slice(at, at + length)));
      at += length;
    } catch {
      text += "\ufffd";
      at += 1;
    }
  }
  return text;
}

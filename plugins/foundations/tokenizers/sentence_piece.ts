import { BinaryReader, type WireType } from "@bufbuild/protobuf/wire";

/** A piece of a SentencePiece model. */
export interface Piece {
  /** Its characters, with `▁` for a space. */
  readonly text: string;
  /** The logarithm of its probability. */
  readonly score: number;
  /** 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte. */
  readonly type: number;
}

/** What a spiece.model holds, as far as a tokenizer needs it. */
export interface SentencePieceModel {
  /** The pieces in the order of their ids. */
  readonly pieces: readonly Piece[];
  /** 1 unigram, 2 byte-pair encoding, 3 words, 4 characters. */
  readonly modelType: number;
  /** The compiled normalization, where there is one. */
  readonly charsmap: Uint8Array | undefined;
  /** Whether a text gets a space before it. */
  readonly addDummyPrefix: boolean;
  /** Whether spaces at its ends, and those that follow another, are taken away. */
  readonly removeExtraWhitespaces: boolean;
  /** Whether `▁` stands for spaces. */
  readonly escapeWhitespaces: boolean;
  /** Whether a character that no piece has becomes its bytes. */
  readonly byteFallback: boolean;
  /** Whether spaces stand behind words instead of before them. */
  readonly treatWhitespaceAsSuffix: boolean;
}

/** Goes through the fields of a message; a field without a handler is skipped. */
function readMessage(
  reader: BinaryReader,
  length: number,
  handlers: Readonly<Record<number, () => void>>,
): void {
  const end = reader.pos + length;
  while (reader.pos < end) {
    const [field, type] = reader.tag();
    const handler = handlers[field];
    if (handler === undefined) reader.skip(type as WireType, field);
    else handler();
  }
}

/**
 * Reads the protobuf message `ModelProto` of SentencePiece.
 *
 * @throws {Error} when the bytes are none.
 */
export function readSentencePiece(bytes: Uint8Array): SentencePieceModel {
  const reader = new BinaryReader(bytes);
  const pieces: Piece[] = [];
  let charsmap: Uint8Array | undefined;
  let modelType = 1;
  const trained = { byteFallback: false, treatWhitespaceAsSuffix: false };
  const normalized = {
    addDummyPrefix: true,
    removeExtraWhitespaces: true,
    escapeWhitespaces: true,
  };
  readMessage(reader, bytes.length, {
    1: () => {
      const piece = { text: "", score: 0, type: 1 };
      readMessage(reader, reader.uint32(), {
        1: () => piece.text = reader.string(),
        2: () => piece.score = reader.float(),
        3: () => piece.type = reader.int32(),
      });
      pieces.push(piece);
    },
    2: () =>
      readMessage(reader, reader.uint32(), {
        3: () => modelType = reader.int32(),
        24: () => trained.treatWhitespaceAsSuffix = reader.bool(),
        35: () => trained.byteFallback = reader.bool(),
      }),
    3: () =>
      readMessage(reader, reader.uint32(), {
        2: () => charsmap = reader.bytes(),
        3: () => normalized.addDummyPrefix = reader.bool(),
        4: () => normalized.removeExtraWhitespaces = reader.bool(),
        5: () => normalized.escapeWhitespaces = reader.bool(),
      }),
  });
  return { pieces, modelType, charsmap, ...trained, ...normalized };
}

import { BPE } from "@huggingface/tokenizers";
import type { BytePairFiles } from "./byte_pair_files.ts";
import type { TokenizerBackend } from "./define_tokenizer.ts";
import { encodeBetween } from "./find_tokens.ts";
import type { PlacedToken } from "./special_tokens.ts";

/** The character that stands for each byte: itself where it is visible, else one from U+0100 on. */
const CHARACTERS: readonly string[] = byteCharacters();

function byteCharacters(): string[] {
  const isSeen = (byte: number) =>
    byte >= 0x21 && byte <= 0x7e || byte >= 0xa1 && byte <= 0xac || byte >= 0xae;
  let next = 0x100;
  return Array.from(
    { length: 256 },
    (_, byte) => String.fromCharCode(isSeen(byte) ? byte : next++),
  );
}

const BYTES: ReadonlyMap<string, number> = new Map(CHARACTERS.map((char, byte) => [char, byte]));

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** How a text is prepared for the pairs. */
export interface ByteLevelOptions {
  /** The words that byte pairs are merged in, with the flags `gu`; what stands between two of them is one too. */
  readonly word: RegExp;
  /** What is done to a text first. Defaults to nothing. */
  readonly normalize?: ((text: string) => string) | undefined;
  /** Whether a word that is a token is one whatever the pairs say. Defaults to false. */
  readonly wholeWords?: boolean | undefined;
}

/**
 * Byte pairs of bytes (GPT-2): added tokens are cut out, the rest is normalized and split into words, the
 * bytes of a word are merged in pairs (Sennrich et al., 2016, arXiv:1508.07909).
 */
export function byteLevelBackend(
  { vocab, merges }: Pick<BytePairFiles, "vocab" | "merges">,
  added: readonly PlacedToken[],
  { word, normalize = (text) => text, wholeWords = false }: ByteLevelOptions,
): TokenizerBackend {
  const model = new BPE(
    {
      type: "BPE",
      vocab: { ...vocab },
      merges: merges.map(([a, b]) => [a, b] as [string, string]),
      ignore_merges: wholeWords,
    } as ConstructorParameters<typeof BPE>[0],
  );
  const ids = new Map(Object.entries(vocab));
  const tokens = new Map(Object.entries(vocab).map(([token, id]) => [id, token]));
  for (const { content, id, normalized } of added) {
    ids.set(content, id);
    tokens.set(id, normalized ? normalize(content) : content);
  }
  const encodeWord = (word: string): number[] => {
    const characters = Array.from(encoder.encode(word), (byte) => CHARACTERS[byte]!);
    return model.encode([characters.join("")]).map((token) => ids.get(token)!);
  };
  return {
    encode: encodeBetween(
      added,
      normalize,
      (text) => wordsOf(text, word).flatMap(encodeWord),
    ),
    decode: (row) =>
      decoder.decode(
        Uint8Array.from(row.flatMap((id) => {
          const token = tokens.get(id);
          return token === undefined ? [] : bytesOf(token);
        })),
      ),
    tokenOf: (id) => tokens.get(id),
    idOf: (token) => ids.get(token),
    size: ids.size,
  };
}

/** A text cut before and behind each word. */
function wordsOf(text: string, word: RegExp): string[] {
  const cuts = Array.from(
    text.matchAll(word),
    ({ 0: found, index }) => [index, index + found.length],
  );
  const places = [0, ...cuts.flat(), text.length];
  return places.slice(1).map((end, i) => text.slice(places[i], end)).filter((part) => part !== "");
}

/** The bytes that a token's characters stand for; its own where one stands for none. */
function bytesOf(token: string): number[] {
  const bytes = Array.from(token, (char) => BYTES.get(char));
  return bytes.every((byte) => byte !== undefined) ? bytes : [...encoder.encode(token)];
}

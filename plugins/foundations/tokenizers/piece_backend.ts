import { BPE } from "@huggingface/tokenizers";
import type { BytePairFiles } from "./byte_pair_files.ts";
import type { TokenizerBackend } from "./define_tokenizer.ts";
import { encodeBetween } from "./find_tokens.ts";
import type { PlacedToken } from "./special_tokens.ts";

/** What stands for a space in pieces. */
const SPACE = "▁";
const BYTE = /^<0x([0-9A-F]{2})>$/;

/** How the pieces of a text are found. */
export interface PieceSettings {
  /** What stands for characters that neither vocabulary nor bytes hold. */
  readonly unk: string;
  /**
   * Which stretches of a text get a space before them: none (Gemma), that at its start, or each between two added
   * tokens.
   */
  readonly prefix: "none" | "first" | "each";
}

/**
 * The pipeline of transformers' `GemmaTokenizer` and `LlamaTokenizer`: spaces become ▁, the characters of a
 * text are merged in pairs (Sennrich et al., 2016, arXiv:1508.07909), and one that the vocabulary lacks becomes
 * its bytes.
 */
export function pieceBackend(
  { vocab, merges }: Pick<BytePairFiles, "vocab" | "merges">,
  added: readonly PlacedToken[],
  { unk, prefix }: PieceSettings,
): TokenizerBackend {
  const model = new BPE(
    {
      type: "BPE",
      vocab: { ...vocab },
      merges: merges.map(([a, b]) => [a, b] as [string, string]),
      unk_token: unk,
      byte_fallback: true,
    } as ConstructorParameters<typeof BPE>[0],
  );
  const ids = new Map(Object.entries(vocab));
  const tokens = new Map(Object.entries(vocab).map(([token, id]) => [id, token]));
  const spaced = (text: string) => text.replaceAll(" ", SPACE);
  // Gemma's spaces are gone before added tokens are looked for, Llama's after
  const normalize = prefix === "none" ? spaced : (text: string) => text;
  for (const { content, id, normalized } of added) {
    ids.set(content, id);
    tokens.set(id, normalized ? normalize(content) : content);
  }
  const encodeText = (text: string, isFirst: boolean): number[] => {
    if (text === "") return [];
    const pieces = spaced(text);
    const isPrefixed = prefix === "each" || (prefix === "first" && isFirst);
    const whole = isPrefixed && !pieces.startsWith(SPACE) ? SPACE + pieces : pieces;
    const found = model.encode([whole]).map((token) => ids.get(token)!);
    const unknown = ids.get(unk);
    // characters in a row that neither vocabulary nor bytes hold are one unknown token
    return found.filter((id, i) => id !== unknown || found[i - 1] !== unknown);
  };
  return {
    encode: encodeBetween(added, normalize, encodeText),
    decode(row) {
      const text = textOf(row.map((id) => tokens.get(id)).filter((token) => token !== undefined));
      return prefix !== "none" && text.startsWith(" ") ? text.slice(1) : text;
    },
    tokenOf: (id) => tokens.get(id),
    idOf: (token) => ids.get(token),
    size: ids.size,
  };
}

/** Tokens in a row as text: bytes in a row are UTF-8, each of those that are not U+FFFD. */
function textOf(tokens: readonly string[]): string {
  let text = "";
  let bytes: number[] = [];
  const flush = () => {
    text += utf8(bytes);
    bytes = [];
  };
  for (const token of tokens) {
    const byte = BYTE.exec(token)?.[1];
    if (byte !== undefined) bytes.push(Number.parseInt(byte, 16));
    else {
      flush();
      text += token.replaceAll(SPACE, " ");
    }
  }
  flush();
  return text;
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function utf8(bytes: readonly number[]): string {
  try {
    return strict.decode(Uint8Array.from(bytes));
  } catch {
    return "\ufffd".repeat(bytes.length);
  }
}

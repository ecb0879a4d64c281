import { Tokenizer } from "@huggingface/tokenizers";
import type { BytePairFiles, PlacedToken, SpecialTokens } from "@denoise/tokenizers";

/** The words that CLIP's byte-pair encoding works on. */
const WORDS = "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";

/** transformers cuts at these first, even where they are not taken as special, and then as above. */
const SPECIAL_WORDS = "<\\|startoftext\\|>|<\\|endoftext\\|>";

function split(pattern: string): object {
  return { type: "Split", pattern: { Regex: pattern }, behavior: "Removed", invert: true };
}

/** The pipeline of transformers' `CLIPTokenizer`: NFC, white space to one space, lower case, BPE. */
export function buildBackend(
  files: Pick<BytePairFiles, "vocab" | "merges">,
  roles: SpecialTokens,
  added: readonly PlacedToken[],
): Tokenizer {
  return new Tokenizer({
    added_tokens: added,
    normalizer: {
      type: "Sequence",
      normalizers: [
        { type: "NFC" },
        { type: "Replace", pattern: { Regex: "\\s+" }, content: " " },
        { type: "Lowercase" },
      ],
    },
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        split(`${SPECIAL_WORDS}|${WORDS}`),
        split(WORDS),
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    model: {
      type: "BPE",
      vocab: files.vocab,
      merges: files.merges,
      unk_token: roles.unk,
      continuing_subword_prefix: "",
      end_of_word_suffix: "</w>",
      fuse_unk: false,
    },
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    post_processor: null,
  }, {});
}

/** Finds added tokens: as they are, or in any case where they are looked for after normalization. */
export function boundaries(added: readonly PlacedToken[]): RegExp {
  const longestFirst = added.toSorted((a, b) => b.content.length - a.content.length);
  const patterns = longestFirst.map(({ content, normalized }) =>
    normalized ? `(?i:${RegExp.escape(content)})` : RegExp.escape(content)
  );
  return new RegExp(patterns.join("|") || "(?!)", "gu");
}

/**
 * The ids of a text, without the special ones around it. Two things are mended on the way. The
 * capital sigma is lowered here, since JavaScript lowers it differently at the end of a word. And
 * a space, which no id comes from, ends each stretch of text, since the library takes a stretch
 * that is a special token but for its capitals as that token.
 */
export function encodeText(backend: Tokenizer, text: string, boundary: RegExp): number[] {
  if (text === "") return [];
  const mended = text.toWellFormed().replaceAll("Σ", "σ").replace(boundary, " $&") + " ";
  return backend.encode(mended, { add_special_tokens: false }).ids;
}

/** White space at either end, as Python's `str.strip` sees it. */
const EDGES = new RegExp(
  "^[S]+|[S]+$".replaceAll(
    "S",
    "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000",
  ),
  "g",
);

/** The text of ids, as transformers' `decode`; ids outside the vocabulary are left out. */
export function decodeIds(backend: Tokenizer, ids: readonly number[]): string {
  const known = ids.filter((id) => backend.id_to_token(id) !== undefined);
  if (known.length === 0) return "";
  const text = backend.decode(known, { clean_up_tokenization_spaces: false });
  return text.replaceAll("</w>", " ").replace(EDGES, "");
}

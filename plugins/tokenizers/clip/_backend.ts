import { Tokenizer } from "@huggingface/tokenizers";
import {
  type BytePairFiles,
  libraryBackend,
  type PlacedToken,
  type TokenizerBackend,
  type TokenizerTokens,
} from "@denoise/tokenizers";

/** The words that CLIP's byte-pair encoding works on. */
const WORDS = "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";

/** transformers cuts at these first, even where they are not taken as special, and then as above. */
const SPECIAL_WORDS = "<\\|startoftext\\|>|<\\|endoftext\\|>";

function split(pattern: string): object {
  return { type: "Split", pattern: { Regex: pattern }, behavior: "Removed", invert: true };
}

/** The pipeline of transformers' `CLIPTokenizer`: NFC, white space to one space, lower case, BPE. */
export function buildBackend(
  files: BytePairFiles,
  { roles, added }: TokenizerTokens,
): TokenizerBackend {
  const boundary = boundaries(added);
  const tokenizer = new Tokenizer({
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
  return libraryBackend(
    tokenizer,
    (text) => mended(text, boundary),
    (text) => text.replaceAll("</w>", " ").replace(EDGES, ""),
  );
}

/** Finds added tokens: as they are, or in any case where they are looked for after normalization. */
function boundaries(added: readonly PlacedToken[]): RegExp {
  const longestFirst = added.toSorted((a, b) => b.content.length - a.content.length);
  const patterns = longestFirst.map(({ content, normalized }) =>
    normalized ? `(?i:${RegExp.escape(content)})` : RegExp.escape(content)
  );
  return new RegExp(patterns.join("|") || "(?!)", "gu");
}

/**
 * A text that the library takes as transformers does. The capital sigma is lowered here, since
 * JavaScript lowers it differently at the end of a word. And a space, which no id comes from, ends
 * each stretch of text, since the library takes a stretch that is a special token but for its
 * capitals as that token.
 */
function mended(text: string, boundary: RegExp): string {
  return text === "" ? "" : text.replaceAll("Σ", "σ").replace(boundary, " $&") + " ";
}

/** White space at either end, as Python's `str.strip` sees it. */
const EDGES = new RegExp(
  "^[S]+|[S]+$".replaceAll(
    "S",
    "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000",
  ),
  "g",
);

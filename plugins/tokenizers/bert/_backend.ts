import type { PlacedToken, SpecialTokens, Vocabulary } from "@denoise/tokenizers";
import { Tokenizer } from "@huggingface/tokenizers";

/** How text is brought into the form that the vocabulary has. */
export interface Normalization {
  /** Into lower case. */
  readonly lowercase: boolean;
  /** Without accents; where null, as `lowercase` says. */
  readonly stripAccents: boolean | null;
  /** Chinese characters as words of their own. */
  readonly chinese: boolean;
}

/** The pipeline of transformers' `BertTokenizer`: clean text, words and punctuation, WordPiece. */
export function buildBackend(
  vocab: Vocabulary,
  roles: SpecialTokens,
  added: readonly PlacedToken[],
  { lowercase, stripAccents, chinese }: Normalization,
): Tokenizer {
  return new Tokenizer({
    added_tokens: added,
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: chinese,
      strip_accents: stripAccents,
      lowercase,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    model: {
      type: "WordPiece",
      vocab,
      unk_token: roles.unk ?? "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
    },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    post_processor: null,
  }, {});
}

/** Chinese characters that take two units of UTF-16, which the library leaves together. */
const BEYOND =
  /[\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b820}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/gu;

/**
 * The ids of a text, without the special ones around it. Two things are mended on the way: the capital
 * sigma is lowered here, since JavaScript lowers it differently at the end of a word, and Chinese
 * characters beyond the basic plane get the spaces that the library gives the others.
 */
export function encodeText(backend: Tokenizer, text: string, how: Normalization): number[] {
  const formed = text.toWellFormed();
  const lowered = how.lowercase ? formed.replaceAll("Σ", "σ") : formed;
  const mended = how.chinese ? lowered.replace(BEYOND, " $& ") : lowered;
  return mended === "" ? [] : backend.encode(mended, { add_special_tokens: false }).ids;
}

/** The text of ids, as transformers' `decode`; ids outside the vocabulary are left out. */
export function decodeIds(backend: Tokenizer, ids: readonly number[]): string {
  const known = ids.filter((id) => backend.id_to_token(id) !== undefined);
  return known.length === 0 ? "" : backend.decode(known, { clean_up_tokenization_spaces: false });
}

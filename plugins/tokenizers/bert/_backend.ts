import {
  libraryBackend,
  type TokenizerBackend,
  type TokenizerFiles,
  type TokenizerTokens,
} from "@denoise/tokenizers";
import { Tokenizer } from "@huggingface/tokenizers";

/** The pipeline of transformers' `BertTokenizer`: clean text, words and punctuation, WordPiece. */
export function buildBackend(
  { vocab, config }: TokenizerFiles,
  { roles, added }: TokenizerTokens,
): TokenizerBackend {
  const accents = config["strip_accents"];
  const lowercase = config["do_lower_case"] !== false;
  const chinese = config["tokenize_chinese_chars"] !== false;
  const tokenizer = new Tokenizer({
    added_tokens: added,
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: chinese,
      strip_accents: typeof accents === "boolean" ? accents : null, // where null, as lowercase says
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
  return libraryBackend(tokenizer, (text) => mended(text, lowercase, chinese));
}

/** Chinese characters that take two units of UTF-16, which the library leaves together. */
const BEYOND =
  /[\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b820}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/gu;

/**
 * A text that the library takes as transformers does: the capital sigma is lowered here, since
 * JavaScript lowers it differently at the end of a word, and Chinese characters beyond the basic plane
 * get the spaces that the library gives the others.
 */
function mended(text: string, lowercase: boolean, chinese: boolean): string {
  const lowered = lowercase ? text.replaceAll("Σ", "σ") : text;
  return chinese ? lowered.replace(BEYOND, " $& ") : lowered;
}

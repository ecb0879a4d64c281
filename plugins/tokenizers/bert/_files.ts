import { joinPath } from "@denoise/core";
import {
  checkVocabulary,
  readTokenizerSettings,
  readTokenizerText,
  type TokenizerFiles,
  type Vocabulary,
} from "@denoise/tokenizers";

/** The files that a tokenizer folder may have. */
export const FILE_NAMES: readonly string[] = [
  "vocab.txt",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "tokenizer.json",
];

/** A token a line, the first with id 0; a token that comes twice has the later id. */
function parseVocabulary(text: string): Vocabulary {
  const lines = text.replace(/\n$/, "").split("\n");
  return Object.fromEntries(lines.map((token, id) => [token.replace(/\r$/, ""), id]));
}

/**
 * Reads a tokenizer folder; the vocabulary of tokenizer.json goes before vocab.txt.
 *
 * @throws {DenoiseError} `missing_file` when it has neither; `invalid_config` for broken ones.
 */
export async function readBertFiles(folder: string): Promise<TokenizerFiles> {
  const settings = await readTokenizerSettings(folder);
  const vocab = settings.model?.["vocab"];
  if (vocab !== undefined) {
    return { ...settings, vocab: checkVocabulary(vocab, joinPath(folder, "tokenizer.json")) };
  }
  const text = await readTokenizerText(folder, "vocab.txt", "vocab.txt, or tokenizer.json");
  return { ...settings, vocab: parseVocabulary(text) };
}

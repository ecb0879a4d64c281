import { DenoiseError, joinPath } from "@denoise/core";
import {
  checkVocabulary,
  readTokenizerJson,
  readTokenizerSettings,
  readTokenizerText,
  type TokenizerFiles,
} from "./files.ts";

/** The files that the folder of a byte-pair tokenizer may have. */
export const bytePairFileNames: readonly string[] = [
  "vocab.json",
  "merges.txt",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "tokenizer.json",
];

const NEEDS = "vocab.json and merges.txt, or tokenizer.json";

/** What the files of a byte-pair tokenizer say. */
export interface BytePairFiles extends TokenizerFiles {
  /** Pairs to merge, the most important first. */
  readonly merges: readonly (readonly [string, string])[];
}

function asPair(merge: unknown, file: string): readonly [string, string] {
  const pair = typeof merge === "string" ? merge.split(" ") : merge;
  const isPair = Array.isArray(pair) && pair.length === 2 &&
    pair.every((part) => typeof part === "string");
  if (!isPair) {
    throw new DenoiseError(
      "invalid_config",
      `Cannot read ${file}: ${JSON.stringify(merge)} is no pair of tokens with a space between`,
    );
  }
  return pair as unknown as readonly [string, string];
}

function parseMerges(text: string, file: string): (readonly [string, string])[] {
  return text.split("\n")
    .map((line) => line.replace(/\r$/, ""))
    .filter((line, i) => line !== "" && !(i === 0 && line.startsWith("#version")))
    .map((line) => asPair(line, file));
}

/**
 * Reads a tokenizer folder; the vocabulary of tokenizer.json goes before vocab.json and merges.txt.
 *
 * @throws {DenoiseError} `missing_file` when it has neither; `invalid_config` for broken ones.
 */
export async function readBytePairFiles(folder: string): Promise<BytePairFiles> {
  const path = (name: string): string => joinPath(folder, name);
  const settings = await readTokenizerSettings(folder);
  const { vocab, merges } = settings.model ?? {};
  if (vocab !== undefined && merges !== undefined) {
    const file = path("tokenizer.json");
    const pairs = (merges as readonly unknown[]).map((merge) => asPair(merge, file));
    return { ...settings, vocab: checkVocabulary(vocab, file), merges: pairs };
  }
  const table = await readTokenizerJson(folder, "vocab.json", NEEDS);
  const text = await readTokenizerText(folder, "merges.txt", NEEDS);
  return {
    ...settings,
    vocab: checkVocabulary(table, path("vocab.json")),
    merges: parseMerges(text, path("merges.txt")),
  };
}

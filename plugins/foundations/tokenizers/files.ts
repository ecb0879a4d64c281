import { copyFile, readFile } from "node:fs/promises";
import {
  DenoiseError,
  isFile,
  isMissing,
  joinPath,
  type JsonObject,
  readConfig,
} from "@denoise/core";

/** Ids by token. */
export type Vocabulary = { readonly [token: string]: number };

/** What the files of any tokenizer say beside its vocabulary. */
export interface TokenizerSettings {
  /** tokenizer_config.json; empty without one. */
  readonly config: JsonObject;
  /** special_tokens_map.json; empty without one. */
  readonly specialTokens: JsonObject;
  /** Tokens beside the vocabulary by id: of added_tokens.json, or of tokenizer.json. */
  readonly addedTokens: readonly (JsonObject & { readonly id: number })[];
  /** The part `model` of tokenizer.json, where there is one. */
  readonly model?: { readonly [key: string]: unknown } | undefined;
  /** The part `normalizer` of tokenizer.json, where there is one. */
  readonly normalizer?: unknown;
  /** The part `pre_tokenizer` of tokenizer.json, where there is one. */
  readonly preTokenizer?: unknown;
  /** The part `post_processor` of tokenizer.json, where there is one. */
  readonly postProcessor?: unknown;
  /** The part `padding` of tokenizer.json, where there is one. */
  readonly padding?: unknown;
}

/** What the files of a tokenizer say, its vocabulary among it. */
export interface TokenizerFiles extends TokenizerSettings {
  /** Ids by token. */
  readonly vocab: Vocabulary;
}

/**
 * Reads a text file of a tokenizer folder.
 *
 * @param needs The files that the tokenizer needs, in words.
 * @throws {DenoiseError} `missing_file`.
 */
export async function readTokenizerText(
  folder: string,
  name: string,
  needs: string,
): Promise<string> {
  try {
    return await readFile(joinPath(folder, name), "utf8");
  } catch (cause) {
    if (!isMissing(cause)) {
      throw cause;
    }
    const mistral = await isFile(joinPath(folder, "tekken.json"))
      ? "; Mistral's own tekken.json, which is there, is not read: put the files of the model's repo for " +
        "transformers beside it"
      : "";
    throw new DenoiseError(
      "missing_file",
      `Cannot load a tokenizer from ${JSON.stringify(folder)}: it has no ${name} (it needs ` +
        `${needs})${mistral}`,
      { cause },
    );
  }
}

/**
 * Reads a large JSON file of a tokenizer folder; `readConfig`, which keeps floats apart, takes ten times
 * as long for a vocabulary.
 *
 * @throws {DenoiseError} `missing_file` or `invalid_config`.
 */
export async function readTokenizerJson(
  folder: string,
  name: string,
  needs: string,
): Promise<Record<string, unknown>> {
  const text = await readTokenizerText(folder, name, needs);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DenoiseError(
      "invalid_config",
      `Cannot read ${joinPath(folder, name)}: it is not valid JSON`,
      { cause },
    );
  }
}

async function readOptional(path: string): Promise<JsonObject | undefined> {
  return await isFile(path) ? await readConfig(path) : undefined;
}

/**
 * The vocabulary itself, if it is one.
 *
 * @throws {DenoiseError} `invalid_config`.
 */
export function checkVocabulary(vocab: unknown, file: string): Vocabulary {
  const isVocab = typeof vocab === "object" && vocab !== null && !Array.isArray(vocab) &&
    Object.values(vocab).every((id) => Number.isSafeInteger(id) && (id as number) >= 0);
  if (!isVocab) {
    throw new DenoiseError(
      "invalid_config",
      `Cannot read ${file}: the vocabulary must map each token to an integer from 0`,
    );
  }
  return vocab as Vocabulary;
}

/**
 * Reads what a tokenizer folder has of tokenizer_config.json, special_tokens_map.json,
 * added_tokens.json and tokenizer.json.
 *
 * @throws {DenoiseError} `invalid_config`.
 */
export async function readTokenizerSettings(folder: string): Promise<TokenizerSettings> {
  const path = (name: string): string => joinPath(folder, name);
  const whole = await isFile(path("tokenizer.json"))
    ? await readTokenizerJson(folder, "tokenizer.json", "tokenizer.json")
    : undefined;
  const added = await readOptional(path("added_tokens.json")) ?? {};
  return {
    config: await readOptional(path("tokenizer_config.json")) ?? {},
    specialTokens: await readOptional(path("special_tokens_map.json")) ?? {},
    addedTokens: [
      ...Object.entries(added).map(([content, id]) => ({ content, id: id as number })),
      ...(whole?.["added_tokens"] ?? []) as (JsonObject & { readonly id: number })[],
    ],
    model: whole?.["model"] as TokenizerSettings["model"],
    normalizer: whole?.["normalizer"],
    preTokenizer: whole?.["pre_tokenizer"],
    postProcessor: whole?.["post_processor"],
    padding: whole?.["padding"],
  };
}

/** Copies those of the files that a tokenizer folder has into another folder. */
export async function copyTokenizerFiles(
  from: string,
  to: string,
  names: readonly string[],
): Promise<void> {
  for (const name of names) {
    const path = joinPath(from, name);
    if (await isFile(path)) await copyFile(path, joinPath(to, name));
  }
}

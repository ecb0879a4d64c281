import { DenoiseError, isFile, joinPath, type JsonObject, readConfig } from "@denoise/core";

/** The files that a tokenizer folder may have. */
export const FILE_NAMES = [
  "vocab.json",
  "merges.txt",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "tokenizer.json",
] as const;

/** What the files of a tokenizer say. */
export interface TokenizerFiles {
  /** Ids by token. */
  readonly vocab: { readonly [token: string]: number };
  /** Pairs to merge, the most important first. */
  readonly merges: readonly (readonly [string, string])[];
  /** tokenizer_config.json; empty without one. */
  readonly config: JsonObject;
  /** special_tokens_map.json; empty without one. */
  readonly specialTokens: JsonObject;
  /** Tokens beside the vocabulary by id: of added_tokens.json, or of tokenizer.json. */
  readonly addedTokens: readonly (JsonObject & { readonly id: number })[];
}

async function readText(folder: string, name: string): Promise<string> {
  try {
    return await Deno.readTextFile(joinPath(folder, name));
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory)) {
      throw cause;
    }
    throw new DenoiseError(
      "missing_file",
      `Cannot load a tokenizer from ${JSON.stringify(folder)}: it has no ${name} (it needs ` +
        "vocab.json and merges.txt, or tokenizer.json)",
      { cause },
    );
  }
}

/** Reads a vocabulary; `readConfig`, which keeps floats apart, takes ten times as long for one. */
async function readJson(folder: string, name: string): Promise<Record<string, unknown>> {
  const text = await readText(folder, name);
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

function checkVocab(vocab: unknown, file: string): { readonly [token: string]: number } {
  const isVocab = typeof vocab === "object" && vocab !== null && !Array.isArray(vocab) &&
    Object.values(vocab).every((id) => Number.isSafeInteger(id) && (id as number) >= 0);
  if (!isVocab) {
    throw new DenoiseError(
      "invalid_config",
      `Cannot read ${file}: the vocabulary must map each token to an integer from 0`,
    );
  }
  return vocab as { readonly [token: string]: number };
}

type Model = { readonly vocab?: unknown; readonly merges?: readonly unknown[] };

/**
 * Reads a tokenizer folder; the vocabulary of tokenizer.json goes before vocab.json and merges.txt.
 *
 * @throws {DenoiseError} `missing_file` when it has neither; `invalid_config` for broken ones.
 */
export async function readTokenizerFiles(folder: string): Promise<TokenizerFiles> {
  const path = (name: typeof FILE_NAMES[number]): string => joinPath(folder, name);
  const whole = await isFile(path("tokenizer.json"))
    ? await readJson(folder, "tokenizer.json")
    : undefined;
  const model = whole?.["model"] as Model | undefined;
  const added = await readOptional(path("added_tokens.json")) ?? {};
  const rest = {
    config: await readOptional(path("tokenizer_config.json")) ?? {},
    specialTokens: await readOptional(path("special_tokens_map.json")) ?? {},
    addedTokens: [
      ...Object.entries(added).map(([content, id]) => ({ content, id: id as number })),
      ...(whole?.["added_tokens"] ?? []) as (JsonObject & { readonly id: number })[],
    ],
  };
  if (model?.vocab !== undefined && model.merges !== undefined) {
    const file = path("tokenizer.json");
    const merges = model.merges.map((merge) => asPair(merge, file));
    return { vocab: checkVocab(model.vocab, file), merges, ...rest };
  }
  const vocab = checkVocab(await readJson(folder, "vocab.json"), path("vocab.json"));
  const merges = parseMerges(await readText(folder, "merges.txt"), path("merges.txt"));
  return { vocab, merges, ...rest };
}

/** Where the Hub's access token is found. It is sent to the Hub alone, and never written anywhere. */

import { readFile } from "node:fs/promises";
import { implicitTokenAllowed, readEnv, tokenFile } from "./env.ts";

function clean(token: string | undefined, from: string): string | undefined {
  const trimmed = token?.trim();
  if (trimmed === undefined || trimmed === "") return undefined;
  if (/^[\x21-\x7e]+$/.test(trimmed)) return trimmed;
  throw new TypeError(
    `Cannot use the access token from ${from}: it has blanks, line breaks or letters that an ` +
      "HTTP header cannot carry; paste it again, it starts with hf_",
  );
}

async function fromFile(): Promise<string | undefined> {
  try {
    return await readFile(tokenFile(), "utf8");
  } catch {
    return undefined;
  }
}

/** The token given, else HF_TOKEN, else what `hf auth login` stored. */
export async function findToken(given: string | undefined): Promise<string | undefined> {
  if (given !== undefined) return clean(given, "{ token }");
  if (!implicitTokenAllowed()) return undefined;
  return clean(readEnv("HF_TOKEN") ?? readEnv("HUGGING_FACE_HUB_TOKEN"), "HF_TOKEN") ??
    clean(await fromFile(), "the token file");
}

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

/** A token, and where it was found. */
interface Found {
  readonly token: string;
  /** `HF_TOKEN`, or the file. */
  readonly origin: string;
}

/** What is there without being given: HF_TOKEN, else what `hf auth login` stored. */
async function storedToken(): Promise<Found | undefined> {
  if (!implicitTokenAllowed()) return undefined;
  const named = clean(readEnv("HF_TOKEN") ?? readEnv("HUGGING_FACE_HUB_TOKEN"), "HF_TOKEN");
  if (named !== undefined) return { token: named, origin: "HF_TOKEN" };
  const kept = clean(await fromFile(), "the token file");
  return kept === undefined ? undefined : { token: kept, origin: tokenFile() };
}

/** The token given, else HF_TOKEN, else what `hf auth login` stored. */
export async function findToken(given: string | undefined): Promise<string | undefined> {
  return given === undefined ? (await storedToken())?.token : clean(given, "{ token }");
}

/**
 * Where the token lies that requests carry when none is given: `"HF_TOKEN"`, or the file that `hf auth login` wrote.
 * undefined where they carry none.
 *
 * @throws {TypeError} when what lies there cannot be a token.
 */
export async function tokenOrigin(): Promise<string | undefined> {
  return (await storedToken())?.origin;
}

import { createHash, timingSafeEqual } from "node:crypto";
import type { Quota } from "../contract/quota.ts";
import { ServeError } from "../contract/errors.ts";

/** Who may ask. */
export interface ApiKey {
  /** What the key is called in logs and in the queue; it is never shown itself. */
  readonly name: string;
  /** The key. */
  readonly key: string;
  /** Whether it is of those who run the server. Defaults to false. */
  readonly isOperator?: boolean | undefined;
  /** What it may ask for, where that is less than what all may. */
  readonly quota?: Quota | undefined;
}

/** The owner of every request where there are no keys. */
export const ANONYMOUS = "anonymous";

const digest = (text: string): Uint8Array => createHash("sha256").update(text).digest();

/**
 * Makes the check of `Authorization: Bearer KEY`, or of Basic with the key as password and any user. Each key is compared in full, so that the time tells
 * nothing of how much of a key is right.
 *
 * @returns A function from the header to the name of the key, which throws `unauthorized`.
 */
export function keyCheck(keys: readonly ApiKey[]): (header: string | undefined) => string {
  if (keys.length === 0) return () => ANONYMOUS;
  const known = keys.map(({ name, key }) => ({ name, digest: digest(key) }));
  return (header) => {
    const key = keyIn(header ?? "");
    const given = digest(key ?? "");
    let found: string | undefined;
    for (const { name, digest } of known) {
      if (timingSafeEqual(digest, given) && key !== undefined) found = name;
    }
    if (found !== undefined) return found;
    throw new ServeError(
      "unauthorized",
      key === undefined
        ? "The key is missing: send it as Authorization: Bearer KEY, or as the password of Basic"
        : "The key is not known here",
    );
  };
}

/** The key in a header: a token, or the password of Basic, as clients of A1111 log in. */
function keyIn(header: string): string | undefined {
  const [, scheme, value] = header.match(/^(Bearer|Basic) +(\S{1,1500}) *$/i) ?? [];
  if (scheme?.toLowerCase() !== "basic") return value;
  try {
    const pair = new TextDecoder().decode(Uint8Array.fromBase64(value!));
    return pair.includes(":") ? pair.slice(pair.indexOf(":") + 1) : undefined;
  } catch {
    return undefined; // it is no base64
  }
}

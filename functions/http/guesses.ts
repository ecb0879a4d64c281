import { ServeError } from "../contract/errors.ts";
import { rateLimit } from "./rate_limit.ts";

/** Wrong keys that may come from one address in a minute. */
const PER_MINUTE = 30;
/** Addresses with right keys that are remembered. */
const MAX_KNOWN = 10_000;

/**
 * Makes the check of keys slow for who guesses: after some wrong ones from an address, keys from there
 * are not looked at for a while, but for those that were right there before.
 *
 * @param ownerOf Gives the owner of a key, or throws `unauthorized`.
 * @param now Milliseconds, from any beginning.
 */
export function withoutGuesses(
  ownerOf: (header: string | undefined) => string,
  now?: () => number,
): (header: string | undefined, address: string | undefined) => string {
  const count = rateLimit(PER_MINUTE, undefined, now);
  const known = new Set<string>();
  const limited = new Map<string, ServeError>();
  return (header, address = "unknown") => {
    let owner: string | undefined;
    let wrong: unknown;
    try {
      owner = ownerOf(header);
    } catch (error) {
      if (header === undefined) throw error; // that is no guess
      wrong = error;
    }
    const pair = `${address} ${owner}`;
    if (owner !== undefined && (known.has(pair) || !limited.has(address))) {
      known.add(pair);
      if (known.size > MAX_KNOWN) known.delete(known.values().next().value!);
      return owner;
    }
    try {
      count(address);
      limited.delete(address);
    } catch (error) {
      limited.set(address, error as ServeError);
      if (limited.size > MAX_KNOWN) limited.delete(limited.keys().next().value!);
      throw new ServeError(
        "rate_limited",
        "Too many wrong keys came from this address; ask later",
        {
          retryAfterMs: (error as ServeError).retryAfterMs,
        },
      );
    }
    if (owner === undefined) throw wrong;
    return owner;
  };
}

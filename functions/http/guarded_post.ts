import { lookup as resolve } from "node:dns";
import { request as plain } from "node:http";
import { request as secure } from "node:https";
import { BlockList, isIP, type LookupFunction } from "node:net";

/** Addresses that are not on the public internet: callers must not reach them through this server. */
const PRIVATE = new BlockList();
for (
  const [network, prefix] of [
    ["0.0.0.0", 8],
    ["10.0.0.0", 8],
    ["100.64.0.0", 10],
    ["127.0.0.0", 8],
    ["169.254.0.0", 16],
    ["172.16.0.0", 12],
    ["192.0.0.0", 24],
    ["192.0.2.0", 24],
    ["192.88.99.0", 24],
    ["192.168.0.0", 16],
    ["198.18.0.0", 15],
    ["198.51.100.0", 24],
    ["203.0.113.0", 24],
    ["224.0.0.0", 3],
  ] as const
) PRIVATE.addSubnet(network, prefix, "ipv4");
/** The public internet of IPv6. */
const PUBLIC_6 = new BlockList();
PUBLIC_6.addSubnet("2000::", 3, "ipv6");
/** Parts of it that carry IPv4 addresses, or are for documentation. */
const SPECIAL_6 = new BlockList();
SPECIAL_6.addSubnet("2001::", 23, "ipv6");
SPECIAL_6.addSubnet("2001:db8::", 32, "ipv6");
SPECIAL_6.addSubnet("2002::", 16, "ipv6");

/** Whether an IP address is one of the public internet. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !PRIVATE.check(address, "ipv4");
  return family === 6 && PUBLIC_6.check(address, "ipv6") && !SPECIAL_6.check(address, "ipv6");
}

/** How a {@linkcode guardedPost} is made. */
export interface GuardedPostOptions {
  /** Headers. */
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds for all of it. Defaults to 5,000. */
  readonly timeoutMs?: number | undefined;
  /** Which addresses may be reached. Defaults to those of the public internet. */
  readonly allows?: ((address: string) => boolean) | undefined;
}

/**
 * Posts a body to an address that a caller named. The connection goes to the very address that was
 * checked, and redirects are not followed.
 *
 * @returns The HTTP status.
 * @throws {Error} when the address may not be reached, or does not answer in time.
 */
export async function guardedPost(
  url: URL,
  body: string,
  { headers, timeoutMs = 5_000, allows = isPublicAddress }: GuardedPostOptions,
): Promise<number> {
  const refuse = (): Error => new Error(`${url.hostname} is not an address of the public internet`);
  const literal = url.hostname.replace(/^\[|\]$/g, "");
  if (isIP(literal) !== 0 && !allows(literal)) throw refuse();
  const lookup: LookupFunction = (host, options, done) => {
    resolve(host, { ...options, all: true }, (error, found) => {
      if (error !== null) return done(error, "", 0);
      const allowed = found.filter(({ address }) => allows(address));
      const [first] = allowed;
      if (first === undefined || allowed.length < found.length) return done(refuse(), "", 0);
      if (options.all) return done(null, allowed);
      done(null, first.address, first.family);
    });
  };
  const request = url.protocol === "https:" ? secure : plain;
  return await new Promise((done, fail) => {
    const sent = request(url, {
      method: "POST",
      headers: { ...headers, "content-length": String(new TextEncoder().encode(body).length) },
      lookup,
      agent: false,
    }, (response) => {
      clearTimeout(late);
      done(response.statusCode ?? 0);
      response.destroy(); // what follows the status could be without end
    });
    const late = setTimeout(() => sent.destroy(new Error("it did not answer in time")), timeoutMs);
    sent.once("error", (error) => {
      clearTimeout(late);
      fail(error);
    });
    sent.end(body);
  });
}

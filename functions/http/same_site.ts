import type { MiddlewareHandler } from "hono";
import { isIP } from "node:net";
import { ServeError } from "../contract/errors.ts";
import type { AppEnv } from "./context.ts";

/** Which web pages may make their visitors' browsers ask. */
export interface SameSiteOptions {
  /** Whether requests carry a key that no browser adds by itself. */
  readonly hasKeys: boolean;
  /** Where callers reach this server. */
  readonly publicUrl: string | undefined;
  /** Origins of web pages that may ask; `*` for any. */
  readonly corsOrigins: readonly string[];
}

/** Names of this machine, and addresses: no stranger's name leads to them. */
function isSafeHost(hostname: string): boolean {
  return hostname === "localhost" || hostname.endsWith(".localhost") ||
    isIP(hostname.replace(/^\[|\]$/g, "")) !== 0;
}

/**
 * Refuses what web pages of strangers make the browsers of their visitors ask: where there are no keys,
 * and for keys that browsers add by themselves. A page whose name leads to this machine (DNS rebinding)
 * shows in `Host`, any other in `Origin` or `Sec-Fetch-Site`.
 */
export function sameSite(options: SameSiteOptions): MiddlewareHandler<AppEnv> {
  const { hasKeys, publicUrl, corsOrigins } = options;
  const known = new Set(corsOrigins);
  if (publicUrl !== undefined) known.add(new URL(publicUrl).origin);
  const hosts = new Set(
    [...known].filter((origin) => URL.canParse(origin)).map((origin) => new URL(origin).host),
  );

  return async (c, next) => {
    const isAmbient = !hasKeys || /^basic /i.test(c.req.header("authorization") ?? "");
    if (!isAmbient && c.req.path !== "/mcp" || known.has("*")) return await next();
    const { host, hostname } = new URL(c.req.url);
    if (!hasKeys && !isSafeHost(hostname) && !hosts.has(host)) {
      throw new ServeError(
        "forbidden",
        `Cannot answer under the name ${
          JSON.stringify(hostname.slice(0, 100))
        }: without keys this ` +
          "server answers under localhost, addresses, and the names in DENOISE_PUBLIC_URL and " +
          "DENOISE_CORS_ORIGINS",
      );
    }
    const isSafeMethod = ["GET", "HEAD", "OPTIONS"].includes(c.req.method);
    const origin = c.req.header("origin");
    const isForeign = origin === undefined
      ? c.req.header("sec-fetch-site") === "cross-site"
      : !known.has(origin) && !(URL.canParse(origin) && new URL(origin).host === host);
    if (isForeign && (!isSafeMethod || c.req.path === "/mcp")) {
      throw new ServeError(
        "forbidden",
        "Cannot take a request of another site's page: DENOISE_CORS_ORIGINS names those that may ask",
      );
    }
    await next();
  };
}

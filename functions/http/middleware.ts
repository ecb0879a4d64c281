import type { MiddlewareHandler } from "hono";
import { matchedRoutes } from "hono/route";
import { ServeError } from "../contract/errors.ts";
import type { Door } from "../doors/door.ts";
import { log } from "../observe/log.ts";
import type { Metrics } from "../observe/metrics.ts";
import { inRequestSpan } from "../observe/tracing.ts";
import { ByteAccount, type ByteBudget } from "../queue/byte_budget.ts";
import type { AppEnv } from "./context.ts";

type Middleware = MiddlewareHandler<AppEnv>;

/** The door that a request comes to. */
export type DoorOf = (path: string, method: string) => Door;

/** Names each request, or keeps the name it comes with, and says so in reply and log. */
export function observed(doorOf: DoorOf, metrics: Metrics): Middleware {
  return async (c, next) => {
    const given = c.req.header("x-request-id") ?? "";
    const requestId = /^[\w.:-]{1,128}$/.test(given) ? given : crypto.randomUUID();
    c.set("requestId", requestId);
    c.set("owner", "");
    const began = performance.now();
    const { method } = c.req;
    const path = c.req.path.slice(0, 200);
    const door = doorOf(c.req.path, method).name;
    const route = matchedRoutes(c).findLast(({ method }) => method !== "ALL")?.path;
    const facts = { method, path, route, door, requestId };
    await inRequestSpan(facts, c.req.raw.headers, async () => {
      await next();
      return c.res.status;
    });
    c.res.headers.set("x-request-id", requestId);
    const { status } = c.res;
    metrics.countRequest(door, status);
    log.info("{method} {path} {status}", {
      method,
      path,
      status,
      door,
      requestId,
      owner: c.var.owner,
      ms: Math.round(performance.now() - began),
    });
  };
}

/** Lets in who has a key, as often as the key may ask, while the server is not going down. */
export function admitted(
  doorOf: DoorOf,
  ownerOf: (header: string | undefined, address: string | undefined) => string,
  checkRate: (owner: string) => void | Promise<void>,
  isDraining: () => boolean,
  bodies: ByteBudget,
): Middleware {
  return async (c, next) => {
    const { path, method } = c.req;
    if (doorOf(path, method).isPublic?.(path, method)) return await next();
    const owner = ownerOf(c.req.header("authorization"), c.env?.remoteAddress);
    c.set("owner", owner);
    if (isDraining() && method !== "GET") {
      throw new ServeError("shutting_down", "The server is going down; ask again", {
        retryAfterMs: 5_000,
      });
    }
    await checkRate(owner);
    const account = new ByteAccount(bodies, owner);
    c.set("account", account);
    try {
      await next();
    } finally {
      account.close();
    }
  };
}

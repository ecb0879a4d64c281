import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";

/** Where and how a server listens. */
export interface ListenOptions {
  /** Address. */
  readonly host: string;
  /** Port; 0 for any. */
  readonly port: number;
  /** Milliseconds in which a request's headers have to come. Defaults to 10,000. */
  readonly headersTimeoutMs?: number | undefined;
  /** Milliseconds in which a request has to come whole. Defaults to 30,000. */
  readonly requestTimeoutMs?: number | undefined;
  /** Connections at once. Defaults to 1,000. */
  readonly maxConnections?: number | undefined;
}

/** A server that listens. */
export interface Listening {
  /** Its address. */
  readonly url: string;
  /** Takes no more connections, and ends those that are idle. Resolves when all have ended. */
  close(): Promise<void>;
}

/**
 * Serves on node's HTTP server, which ends the requests of slow senders (`Deno.serve` waits for them
 * without end).
 */
export async function listen(
  fetch: (request: Request) => Response | Promise<Response>,
  options: ListenOptions,
): Promise<Listening> {
  const { host, port, headersTimeoutMs = 10_000, requestTimeoutMs = 30_000 } = options;
  const server = createAdaptorServer({
    fetch: (request: Request) => fetch(request),
    createServer,
    autoCleanupIncoming: false, // readBytes reads what is refused to its end
    serverOptions: {
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.min(1_000, headersTimeoutMs / 4),
    },
  }) as Server;
  server.maxConnections = options.maxConnections ?? 1_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const { port: actual } = server.address() as AddressInfo;
  const name = host.includes(":") ? `[${host}]` : host;
  return {
    url: `http://${name}:${actual}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
  };
}

import { createServer, type IncomingMessage, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { log } from "../observe/log.ts";
import { Connections } from "./connections.ts";
import { freeHandles } from "./open_files.ts";

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
  /** Milliseconds after which a connection ends that takes nothing. Defaults to 30,000. */
  readonly stalledMs?: number | undefined;
  /** Connections at once. Defaults to 1,000, or what the system lets this process have. */
  readonly maxConnections?: number | undefined;
  /** How often it tries whether it can be reached, in milliseconds. Defaults to 10,000. */
  readonly probeEveryMs?: number | undefined;
  /** Called once when the server takes no more connections, though it has room for them. */
  readonly onDeaf?: (() => void) | undefined;
}

/** A server that listens. */
export interface Listening {
  /** Its address. */
  readonly url: string;
  /** Connections that are open. */
  readonly connections: number;
  /** Takes no more connections, and ends those that are idle. Resolves when all have ended. */
  close(): Promise<void>;
}

/** Who is at the other end of a request. */
export interface Caller {
  /** Address of the connection. */
  readonly remoteAddress?: string | undefined;
}

/** Connections beyond the most, for those who ask whether the server lives. */
const RESERVE = 32;
/** Handles that are left for files, the engine, and Redis. */
const OTHER_HANDLES = 100;
/**
 * Connections that the system keeps until they are taken. All of them are taken at once, before any is
 * counted, and one for which there is no handle makes the server deaf.
 */
const BACKLOG = 511;
/** What may be asked over them. */
const PROBES = /^\/(livez|readyz|ping|health|health-check|metrics)(\?|$)/;
/** How many quiet seconds in a row the server waits for an answer of its own. */
const PROBE_SECONDS = 5;
/** How late a second may be that is quiet, in milliseconds: a server that is held up is not deaf. */
const LATE_MS = 250;

/**
 * Serves on node's HTTP server, which ends the requests of slow senders (`Deno.serve` waits for them
 * without end). Connections that take nothing of what is sent are ended too, and when all places are
 * taken some are left for probes.
 */
export async function listen(
  fetch: (request: Request, caller: Caller) => Response | Promise<Response>,
  options: ListenOptions,
): Promise<Listening> {
  const { host, port, headersTimeoutMs = 10_000, requestTimeoutMs = 30_000 } = options;
  const ownPath = `/${crypto.randomUUID()}`;
  let connections: Connections | undefined;
  const server = createAdaptorServer({
    fetch: (request: Request, env) => {
      const incoming = env.incoming as IncomingMessage; // HTTP/2 is not served
      if (incoming.url === ownPath) return new Response(null, { status: 204 });
      const refusal = refusalOf(incoming, connections);
      if (refusal !== undefined) return refusal;
      return fetch(request, { remoteAddress: incoming.socket.remoteAddress });
    },
    createServer,
    autoCleanupIncoming: false, // readBytes reads what is refused to its end
    serverOptions: {
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.min(1_000, headersTimeoutMs / 4),
    },
  }) as Server;
  server.on("connect", (_request: IncomingMessage, socket: Socket) => {
    socket.end("HTTP/1.1 405 Method Not Allowed\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
  });
  const { maxConnections, backlog } = withinHandles(options.maxConnections ?? 1_000);
  const watched = connections = new Connections(server, {
    maxConnections,
    reserve: RESERVE,
    stalledMs: options.stalledMs ?? 30_000,
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host, backlog }, resolve);
  });
  const { port: actual } = server.address() as AddressInfo;
  const name = host.includes(":") ? `[${host}]` : host;
  const stop = options.onDeaf === undefined ? () => {} : probe(
    { path: ownPath, host, port: actual },
    watched,
    options.probeEveryMs ?? 10_000,
    options.onDeaf,
  );
  return {
    url: `http://${name}:${actual}`,
    get connections(): number {
      return watched.count;
    },
    close: () =>
      new Promise((resolve) => {
        stop();
        watched.close();
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
  };
}

/** So many that files can still be opened when all are taken, and as many come as the system keeps. */
function withinHandles(wanted: number): { maxConnections: number; backlog: number } {
  const handles = wanted + BACKLOG + RESERVE + OTHER_HANDLES;
  const free = freeHandles(handles) ?? handles;
  if (free >= handles) return { maxConnections: wanted, backlog: BACKLOG };
  const rest = Math.max(2, free - RESERVE - OTHER_HANDLES);
  const backlog = Math.min(BACKLOG, Math.ceil(rest / 3));
  const maxConnections = Math.min(wanted, rest - backlog);
  if (maxConnections < wanted) {
    log.warn("this process can have {free} files open, so it takes {most} connections", {
      free,
      most: maxConnections,
    });
  }
  return { maxConnections, backlog };
}

/** What is answered before the app sees a request. */
function refusalOf(
  { rawHeaders, httpVersion, url = "", socket }: IncomingMessage,
  connections: Connections | undefined,
): Response | undefined {
  const headers = { connection: "close" };
  const hosts = rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === "host");
  if (hosts.length > 1) {
    return new Response("A request has one Host header (RFC 9112)", { status: 400, headers });
  }
  if (!httpVersion.startsWith("1.")) {
    return new Response("This server speaks HTTP/1.1", { status: 505, headers });
  }
  if (!connections?.isReserve(socket) || PROBES.test(url)) return undefined;
  return new Response("All connections are taken; try again", {
    status: 503,
    headers: { ...headers, "retry-after": "1" },
  });
}

/**
 * Tries now and then whether the server can be reached: one that has had no handle left takes no more
 * connections, and nothing tells so.
 */
function probe(
  to: Own,
  connections: Connections,
  everyMs: number,
  onDeaf: () => void,
): () => void {
  let failures = 0;
  const timer = setInterval(async () => {
    if (!connections.hasRoom) return;
    failures = await answers(to) ? 0 : failures + 1;
    if (failures === 2) onDeaf();
  }, everyMs);
  Deno.unrefTimer(timer);
  return () => clearInterval(timer);
}

/** Where a server asks itself. */
interface Own {
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

/**
 * Whether a request is answered (the system takes connections by itself, for a while); one that may not
 * be made counts as that.
 */
function answers({ host, port, path }: Own): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    let [quiet, lookedAt] = [0, performance.now()];
    const timer = setInterval(() => {
      const passed = performance.now() - lookedAt;
      lookedAt += passed;
      quiet = passed < 1_000 + LATE_MS ? quiet + 1 : 0;
      if (quiet >= PROBE_SECONDS) end(false)();
    }, 1_000);
    Deno.unrefTimer(timer);
    const end = (isAnswered: boolean) => (): void => {
      clearInterval(timer);
      socket.destroy();
      resolve(isAnswered);
    };
    socket.once("data", end(true));
    socket.once("error", (error) => end(error.name === "NotCapable")());
    socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`);
  });
}

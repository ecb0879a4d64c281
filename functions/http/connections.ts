import type { Server } from "node:http";
import type { Socket } from "node:net";

/** How connections are kept in bounds. */
export interface ConnectionOptions {
  /** Connections at once. */
  readonly maxConnections: number;
  /** Connections beyond them, for those who ask whether the server lives. */
  readonly reserve: number;
  /** Milliseconds after which a connection ends that takes nothing of what is sent to it. */
  readonly stalledMs: number;
}

/** What is sent in one go is given that long for each of so many bytes. */
const BYTES = 1_000_000;

/** A connection, and when something of what was sent went out. */
interface Watched {
  readonly isReserve: boolean;
  sent: number;
  since: number;
}

/** The connections of a server: how many there are, and which of them take nothing. */
export class Connections {
  readonly #options: ConnectionOptions;
  readonly #watched = new Map<Socket, Watched>();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(server: Server, options: ConnectionOptions) {
    this.#options = options;
    server.maxConnections = options.maxConnections + options.reserve;
    server.on("connection", (socket: Socket) => this.#add(socket));
    this.#timer = setInterval(() => this.#endStalled(), Math.min(1_000, options.stalledMs / 4));
    Deno.unrefTimer(this.#timer);
  }

  /** How many there are. */
  get count(): number {
    return this.#watched.size;
  }

  /** Whether another one than a probe could be served. */
  get hasRoom(): boolean {
    return this.count < this.#options.maxConnections;
  }

  /** Whether a connection came when all places but those for probes were taken. */
  isReserve(socket: Socket): boolean {
    return this.#watched.get(socket)?.isReserve ?? false;
  }

  /** Looks no more. */
  close(): void {
    clearInterval(this.#timer);
  }

  #add(socket: Socket): void {
    this.#watched.set(socket, { isReserve: !this.hasRoom, sent: 0, since: performance.now() });
    socket.once("close", () => this.#watched.delete(socket));
  }

  #endStalled(): void {
    const now = performance.now();
    for (const [socket, watched] of this.#watched) {
      const { bytesWritten = 0, writableLength } = socket;
      if (writableLength === 0 || bytesWritten !== watched.sent) {
        watched.sent = bytesWritten;
        watched.since = now;
      } else if (
        now - watched.since > this.#options.stalledMs * Math.max(1, writableLength / BYTES)
      ) {
        socket.destroy();
      }
    }
  }
}

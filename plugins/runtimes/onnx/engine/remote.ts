import { DenoiseError } from "@denoise/core";
import {
  type Engine,
  type EngineSession,
  type SessionDefaults,
  type SessionRunOptions,
  type SessionSpec,
  type Tensors,
  withDefaults,
} from "./engine.ts";
import {
  packSpec,
  packTensors,
  type Reply,
  type Request,
  unpackError,
  unpackTensors,
} from "./protocol.ts";

/** A running home, as the asking side sees it. */
export interface Home {
  /** Sends a request. */
  send(request: Request): void;
  /** Whether it keeps this program from ending. */
  keepAlive(alive: boolean): void;
  /** Ends it. */
  close(): void | Promise<void>;
}

/** What a home reports. */
export interface HomeEvents {
  /** A request was answered. */
  onReply(reply: Reply): void;
  /** It has ended, or cannot be understood any more. */
  onLost(reason: string): void;
}

/** Starts a home. */
export type OpenHome = (events: HomeEvents) => Home;

interface Waiting {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

type WithoutId<T> = T extends Request ? Omit<T, "id"> : never;

/**
 * An engine in another thread or process. One request is under way at a time, so one that waits can
 * be cancelled. When the home is lost, what is under way fails with `engine_lost`; the next request
 * starts a new home, and each session is made again in it when it is next used.
 */
export function remoteEngine(open: OpenHome, defaults: SessionDefaults = {}): Engine {
  const connection = new Connection(open);
  return {
    async createSession(spec: SessionSpec): Promise<EngineSession> {
      const session = new RemoteSession(connection, withDefaults(spec, defaults));
      await session.start();
      return session;
    },
    close: () => connection.close(),
  };
}

class Connection {
  readonly #open: OpenHome;
  #home: Home | undefined;
  #generation = 0;
  #lastId = 0;
  #waiting: Waiting | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #pending = 0;

  constructor(open: OpenHome) {
    this.#open = open;
  }

  /** Rises each time that a home is started. */
  get generation(): number {
    return this.#generation;
  }

  /** Whether sessions of that generation are still there. */
  has(generation: number): boolean {
    return this.#home !== undefined && generation === this.#generation;
  }

  nextId(): number {
    return ++this.#lastId;
  }

  /** Does something when everything asked before is done. */
  async inTurn<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(task);
    this.#queue = turn.catch(() => {});
    if (this.#pending++ === 0) this.#home?.keepAlive(true);
    try {
      return await turn;
    } finally {
      if (--this.#pending === 0) this.#home?.keepAlive(false);
    }
  }

  /** Asks the home, which only the making of a session starts. */
  async ask(request: WithoutId<Request>, signal?: AbortSignal): Promise<Reply> {
    if (request.op === "create") this.#home ??= this.#start();
    if (this.#home === undefined) throw lost("it is gone");
    const id = this.nextId();
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    this.#waiting = { resolve, reject };
    const home = this.#home;
    home.send({ ...request, id } as Request);
    const cancel = () => home.send({ op: "cancel", id: this.nextId(), run: id });
    signal?.addEventListener("abort", cancel);
    const reply = await promise.finally(() => signal?.removeEventListener("abort", cancel));
    if (reply.error !== undefined) throw unpackError(reply.error);
    return reply;
  }

  async close(): Promise<void> {
    const home = this.#home;
    this.#lose("it was closed");
    await home?.close();
  }

  #start(): Home {
    const generation = ++this.#generation;
    return this.#open({
      onReply: (reply) => {
        if (generation === this.#generation) this.#waiting?.resolve(reply);
      },
      onLost: (reason) => {
        if (generation === this.#generation) this.#lose(reason);
      },
    });
  }

  #lose(reason: string): void {
    this.#home = undefined;
    this.#waiting?.reject(lost(reason));
    this.#waiting = undefined;
  }
}

function lost(reason: string): DenoiseError {
  return new DenoiseError(
    "engine_lost",
    `The engine ended in the middle of a call: ${reason}. The next call starts a new one`,
  );
}

class RemoteSession implements EngineSession {
  readonly #connection: Connection;
  readonly #spec: SessionSpec;
  readonly #id: number;
  #generation = 0;
  #constants: Tensors | undefined;
  #released = false;

  constructor(connection: Connection, spec: SessionSpec) {
    this.#connection = connection;
    this.#spec = spec;
    this.#id = connection.nextId();
  }

  async start(): Promise<void> {
    await this.#connection.inTurn(() => this.#ensure());
  }

  async run(
    inputs: Tensors,
    { outputs, constants, signal }: SessionRunOptions = {},
  ): Promise<Tensors> {
    if (this.#released) throw new TypeError(`Cannot run ${this.#spec.name}: it was released`);
    signal?.throwIfAborted();
    return await this.#connection.inTurn(async () => {
      signal?.throwIfAborted();
      await this.#ensure();
      const packed = packTensors(inputs);
      const changed = constants === this.#constants ? undefined : packTensors(constants ?? {});
      const request = {
        ...{ op: "run", session: this.#id, inputs: packed, outputs } as const,
        ...(changed === undefined ? {} : { constants: changed }),
      };
      this.#constants = undefined; // until they have arrived
      try {
        const { tensors = {} } = await this.#connection.ask(request, signal);
        this.#constants = constants;
        return unpackTensors(tensors);
      } catch (error) {
        signal?.throwIfAborted(); // with the reason that the caller gave
        throw error;
      }
    });
  }

  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    await this.#connection.inTurn(async () => {
      if (!this.#connection.has(this.#generation)) return;
      await this.#connection.ask({ op: "release", session: this.#id });
    });
  }

  /** Makes the session where the present home does not have it. */
  async #ensure(): Promise<void> {
    if (this.#connection.has(this.#generation)) return;
    this.#constants = undefined;
    await this.#connection.ask({ op: "create", session: this.#id, spec: packSpec(this.#spec) });
    this.#generation = this.#connection.generation;
  }
}

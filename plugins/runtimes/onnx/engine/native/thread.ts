import { Worker } from "node:worker_threads";
import { type Handle, OrtError } from "./api.ts";

/** What a thread is asked to do; objects are named by their addresses. */
export type ThreadTask =
  | { readonly run: readonly [session: bigint, options: bigint, binding: bigint] }
  | { readonly forget: readonly [session: bigint, graph: number] };

/** A task, and the number that its reply will have. */
export type ThreadRequest = ThreadTask & { readonly id: number };

/** What became of it. */
export interface ThreadReply {
  readonly id: number;
  readonly error?: { readonly status: number; readonly message: string };
}

/**
 * A thread that runs sessions one after another. onnxruntime keeps the graphs that it captures, and
 * the handles of CUDA's libraries, for each thread that runs a session.
 */
export class SessionThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, PromiseWithResolvers<void>>();
  #lastId = 0;

  /** @param library The path of onnxruntime's library. */
  constructor(library: string) {
    this.#worker = new Worker(threadEntry(), { workerData: library });
    this.#worker.unref();
    this.#worker.on("message", ({ id, error }: ThreadReply) => {
      const waiting = this.#take(id);
      if (error === undefined) waiting?.resolve();
      else waiting?.reject(new OrtError(error.status, error.message));
    });
    const onEnd = (why: unknown) => {
      for (const id of this.#waiting.keys()) {
        this.#take(id)?.reject(new Error(`the thread that runs sessions has ended: ${why}`));
      }
    };
    this.#worker.on("error", onEnd);
    this.#worker.on("exit", onEnd);
  }

  /** Runs a session with what is bound. */
  run(session: Handle, options: Handle, binding: Handle): Promise<void> {
    const { value } = Deno.UnsafePointer;
    return this.#ask({ run: [value(session), value(options), value(binding)] });
  }

  /** Gives a captured graph of a session back. */
  forget(session: Handle, graph: number): Promise<void> {
    return this.#ask({ forget: [Deno.UnsafePointer.value(session), graph] });
  }

  #ask(task: ThreadTask): Promise<void> {
    const id = ++this.#lastId;
    const waiting = Promise.withResolvers<void>();
    if (this.#waiting.size === 0) this.#worker.ref();
    this.#waiting.set(id, waiting);
    this.#worker.postMessage({ ...task, id } satisfies ThreadRequest);
    return waiting.promise;
  }

  #take(id: number): PromiseWithResolvers<void> | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#worker.unref();
    return waiting;
  }
}

/** The thread's module; a remote one is imported by a data URL, which is all that is taken. */
function threadEntry(): URL {
  const entry = new URL("./thread_entry.ts", import.meta.url);
  if (entry.protocol === "file:") return entry;
  return new URL(`data:text/javascript,import ${JSON.stringify(entry.href)}`);
}

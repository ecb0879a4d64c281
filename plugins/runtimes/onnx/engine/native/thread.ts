import { type MessagePort, Worker } from "node:worker_threads";
import type { CallName, Handle, Ort } from "./api.ts";

/** A function of the C API to be called: where it lies, and what with; objects are addresses. */
interface Task {
  readonly id: number;
  readonly address: bigint;
  readonly parameters: readonly Deno.NativeType[];
  readonly args: readonly (bigint | number)[];
}

/** The address of the status that it gave. */
interface Result {
  readonly id: number;
  readonly status: bigint;
}

/** What the thread does. Its source is all that reaches the thread, so it uses nothing from outside. */
function serve(port: MessagePort): void {
  port.on("message", ({ id, address, parameters, args }: Task) => {
    const { create, value } = Deno.UnsafePointer;
    const definition = { parameters, result: "pointer" } as const;
    const call = new Deno.UnsafeFnPointer<typeof definition>(create(address)!, definition);
    const status = call.call(
      ...args.map((arg, i) => parameters[i] === "pointer" ? create(arg as bigint) : arg),
    );
    port.postMessage({ id, status: value(status) });
  });
}

/** A module that needs no permission to be read, in a package from a registry neither. */
const PROGRAM = `import { parentPort } from "node:worker_threads";\n(${serve})(parentPort);`;

/**
 * A thread that calls the C API. onnxruntime keeps the graphs that it captures, and the handles of
 * CUDA's libraries, for each thread that runs a session: so one does.
 */
export class CallingThread {
  readonly #ort: Ort;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, PromiseWithResolvers<bigint>>();
  #lastId = 0;

  /** Starts it; it does not keep the program from ending unless it is calling. */
  constructor(ort: Ort) {
    this.#ort = ort;
    this.#worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(PROGRAM)}`));
    this.#worker.unref();
    this.#worker.on("message", ({ id, status }: Result) => this.#take(id)?.resolve(status));
    const onEnd = (why: unknown) => {
      for (const id of this.#waiting.keys()) {
        this.#take(id)?.reject(new Error(`the thread that runs sessions has ended: ${why}`));
      }
    };
    this.#worker.on("error", onEnd);
    this.#worker.on("exit", onEnd);
  }

  /** Calls a function, whose arguments must live until it is done. */
  async call(name: CallName, ...args: readonly (Handle | number)[]): Promise<void> {
    const id = ++this.#lastId;
    const waiting = Promise.withResolvers<bigint>();
    if (this.#waiting.size === 0) this.#worker.ref();
    this.#waiting.set(id, waiting);
    const given = args.map((arg) => typeof arg === "number" ? arg : Deno.UnsafePointer.value(arg));
    this.#worker.postMessage({ id, ...this.#ort.place(name), args: given } satisfies Task);
    this.#ort.check(Deno.UnsafePointer.create(await waiting.promise));
  }

  #take(id: number): PromiseWithResolvers<bigint> | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#worker.unref();
    return waiting;
  }
}

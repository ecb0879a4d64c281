import { Worker } from "node:worker_threads";
import type { Engine, SessionDefaults } from "./engine.ts";
import { entryBeside } from "./entry.ts";
import { buffersOf, type Reply } from "./protocol.ts";
import { type Home, type HomeEvents, remoteEngine } from "./remote.ts";

/**
 * Computes in a Worker: this thread stays free, and memory is shared with it. A crash of native code
 * ends the whole process all the same; {@linkcode childEngine} contains one.
 */
export function workerEngine(defaults: SessionDefaults = {}): Engine {
  return remoteEngine(openWorker, defaults);
}

/** How long a Worker may take to give its sessions back, in milliseconds. */
const PATIENCE = 2000;

function openWorker({ onReply, onLost }: HomeEvents): Home {
  const worker = new Worker(workerEntry());
  worker.on("message", (reply: Reply) => onReply(reply));
  worker.on("error", (error: Error) => onLost(error.message));
  worker.on("exit", (code: number) => onLost(`the Worker ended with code ${code}`));
  return {
    send: (request) =>
      worker.postMessage(request, request.op === "run" ? buffersOf(request.inputs) : []),
    keepAlive: (alive) => alive ? worker.ref() : worker.unref(),
    async close(): Promise<void> {
      const ended = new Promise((resolve) => worker.on("exit", resolve));
      worker.postMessage("close"); // memory of native code does not end with the thread
      let timer;
      await Promise.race([ended, new Promise((resolve) => timer = setTimeout(resolve, PATIENCE))]);
      clearTimeout(timer);
      await worker.terminate();
    },
  };
}

/** The Worker's module; a remote one is imported by a data URL, which is all that is taken. */
function workerEntry(): URL {
  const entry = entryBeside(import.meta.url, "worker_entry");
  if (entry.protocol === "file:") return entry;
  return new URL(`data:text/javascript,import ${JSON.stringify(entry.href)}`);
}

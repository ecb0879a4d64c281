/**
 * The inside of a Worker of {@linkcode workerEngine}.
 *
 * @module
 */
import { parentPort } from "node:worker_threads";
import { inlineEngine } from "./inline.ts";
import { answering, type Request } from "./protocol.ts";

const answer = answering(inlineEngine());
parentPort!.on("message", async (request: Request) => {
  const reply = await answer(request);
  const buffers = Object.values(reply.tensors ?? {}).map(({ data }) => data.buffer as ArrayBuffer);
  parentPort!.postMessage(reply, [...new Set(buffers)]);
});

/**
 * The inside of a Worker of {@linkcode workerEngine}.
 *
 * @module
 */
import { parentPort } from "node:worker_threads";
import { inlineEngine } from "./inline.ts";
import { answering, buffersOf, type Request } from "./protocol.ts";

const answer = answering(inlineEngine());
parentPort!.on("message", async (request: Request) => {
  const reply = await answer(request);
  parentPort!.postMessage(reply, buffersOf(reply.tensors));
});

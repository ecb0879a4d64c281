/**
 * The inside of a Worker of {@linkcode workerEngine}.
 *
 * @module
 */
import process from "node:process";
import { parentPort } from "node:worker_threads";
import { inlineEngine } from "./inline.ts";
import { answering, buffersOf, type Request } from "./protocol.ts";

const engine = inlineEngine();
const answer = answering(engine);
parentPort!.on("message", async (request: Request | "close") => {
  if (request === "close") {
    await engine.close();
    return process.exit();
  }
  const reply = await answer(request);
  if (reply !== undefined) parentPort!.postMessage(reply, buffersOf(reply.tensors));
});

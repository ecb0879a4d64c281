/**
 * The inside of a {@linkcode SessionThread}.
 *
 * @module
 */
import { parentPort, workerData } from "node:worker_threads";
import { type Handle, openOrt, OrtError } from "./api.ts";
import type { ThreadReply, ThreadRequest, ThreadTask } from "./thread.ts";

const { call } = openOrt(workerData as string, { blocking: true });
const handle = (address: bigint): Handle => Deno.UnsafePointer.create(address)!;

async function perform(task: ThreadTask): Promise<void> {
  if ("run" in task) {
    const [session, options, binding] = task.run;
    return await call.RunWithBinding(handle(session), handle(options), handle(binding));
  }
  const [session, graph] = task.forget;
  call.SessionReleaseCapturedGraph(handle(session), graph);
}

parentPort!.on("message", async ({ id, ...task }: ThreadRequest) => {
  let reply: ThreadReply = { id };
  try {
    await perform(task);
  } catch (error) {
    const status = error instanceof OrtError ? error.status : 1;
    reply = { id, error: { status, message: (error as Error).message } };
  }
  parentPort!.postMessage(reply);
});

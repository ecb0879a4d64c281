/**
 * The inside of the process of {@linkcode childEngine}: requests on standard input, replies on
 * standard output, until the input ends.
 *
 * @module
 */
import process from "node:process";
import { connectToParent } from "@denoise/process";
import { inlineEngine } from "./inline.ts";
import { nativeEngine } from "./native/native.ts";
import { answering, type Request } from "./protocol.ts";

const answer = answering(process.argv.includes("native") ? nativeEngine() : inlineEngine());
const parent = connectToParent();

async function serve(request: Request): Promise<void> {
  const reply = await answer(request);
  if (reply?.error?.code === "engine_lost") {
    console.error(reply.error.message);
    process.exit(1); // the card is lost to this process, and not to the next
  }
  if (reply !== undefined) parent.send(reply);
}

// not in turn, since what cancels a run comes while it is under way
for await (const request of parent.messages) serve(request as Request);
process.exit();

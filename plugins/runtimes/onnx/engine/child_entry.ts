/**
 * The inside of the process of {@linkcode childEngine}: requests on standard input, replies on
 * standard output, until the input ends.
 *
 * @module
 */
import { decodeFrames, encodeFrame } from "./frames.ts";
import { inlineEngine } from "./inline.ts";
import { nativeEngine } from "./native/native.ts";
import { answering, type Request } from "./protocol.ts";

console.log = console.info = console.error; // standard output carries replies

const answer = answering(Deno.args.includes("native") ? nativeEngine() : inlineEngine());
const writer = Deno.stdout.writable.getWriter();
for await (const request of decodeFrames(Deno.stdin.readable)) {
  const reply = await answer(request as Request);
  if (reply.error?.code === "engine_lost") {
    console.error(reply.error.message);
    Deno.exit(1); // the card is lost to this process, and not to the next
  }
  for (const part of encodeFrame(reply)) await writer.write(part);
}
Deno.exit();

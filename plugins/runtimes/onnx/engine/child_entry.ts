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
  for (const part of encodeFrame(await answer(request as Request))) await writer.write(part);
}
Deno.exit();

/**
 * A server that lets a connection come while it has no handle left, as it happens to one that has too
 * many: it then takes none any more, and ends with 3 as soon as it knows.
 *
 * @module
 */
import { closeSync, openSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { listen } from "../http/listen.ts";

const own = fileURLToPath(import.meta.url);
const server = await listen(() => new Response("hi"), {
  host: "127.0.0.1",
  port: 0,
  probeEveryMs: 200,
  onDeaf: () => Deno.exit(3),
});
const caller = `const to = ${JSON.stringify(new URL(server.url).port)};
  await Deno.stdin.read(new Uint8Array(1));
  const connection = await Deno.connect({ port: Number(to) });
  await new Promise((resolve) => setTimeout(resolve, 60_000));`;
const process = new Deno.Command(Deno.execPath(), { args: ["eval", caller], stdin: "piped" })
  .spawn();
const writer = process.stdin.getWriter();
const opened: number[] = [];
try {
  for (;;) opened.push(openSync(own, "r"));
} catch {
  // none is left
}
await writer.write(Uint8Array.of(1));
await new Promise((resolve) => setTimeout(resolve, 2_000));
for (const handle of opened) closeSync(handle);
setTimeout(() => Deno.exit(4), 60_000);

/**
 * A server that has no handle left for a second while connections come, as it happens to one that has
 * too many: it then takes none any more, and ends with 3 as soon as it knows.
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
  probeEveryMs: 2_000,
  onDeaf: () => Deno.exit(3),
});
console.log(`listens on ${server.url}`);
const opened: number[] = [];
const taking = setInterval(() => {
  try {
    for (;;) opened.push(openSync(own, "r"));
  } catch {
    // none is left
  }
}, 1);
setTimeout(() => {
  clearInterval(taking);
  for (const handle of opened) closeSync(handle);
}, 1_000);
setTimeout(() => Deno.exit(4), 30_000);

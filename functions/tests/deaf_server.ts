/**
 * A server that has no handle left while a connection comes, as it happens to one that has too many: it
 * then takes none any more, and ends with 3 as soon as it knows. At SIGUSR1 it has handles again.
 *
 * @module
 */
import { closeSync, openSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { turn } from "../async/turn.ts";
import { listen } from "../http/listen.ts";

const own = fileURLToPath(import.meta.url);
const server = await listen(() => new Response("hi"), {
  host: "127.0.0.1",
  port: 0,
  probeEveryMs: 2_000,
  onDeaf: () => Deno.exit(3),
});
const opened: number[] = [];
const take = () => {
  try {
    for (;;) opened.push(openSync(own, "r"));
  } catch {
    // none is left
  }
};
const taking = setInterval(take, 1);
Deno.addSignalListener("SIGUSR1", async () => {
  for (let i = 0; i < 100; i++) await turn(); // the connection that came before is tried first
  clearInterval(taking);
  for (const handle of opened) closeSync(handle);
});
take();
console.log(`listens on ${server.url}`);
setTimeout(() => Deno.exit(4), 300_000);

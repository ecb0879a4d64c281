/**
 * Tries what a server never has to do, and prints what it could.
 *
 * @module
 */
import { hostname } from "node:os";

const tries: Readonly<Record<string, () => unknown>> = {
  "reach another host": () => fetch("http://192.0.2.1/"),
  "reach a cloud's secrets": () => fetch("http://169.254.169.254/"),
  "listen elsewhere": () => Deno.listen({ hostname: "127.0.0.1", port: 1 }),
  "write a file": () => Deno.writeTextFile("trespassed", ""),
  "write elsewhere": () => Deno.writeTextFile("/tmp/trespassed", ""),
  "read a file of the system": () => Deno.readTextFile("/etc/passwd"),
  "ask the system": () => hostname(),
  "run a program": () => new Deno.Command("sh", { args: ["-c", "true"] }).output(),
  "call native code": () => Deno.dlopen("libc.so.6", {}),
};

for (const [name, attempt] of Object.entries(tries)) {
  try {
    await attempt();
    console.log(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) console.log(`${name}: ${error}`);
  }
}

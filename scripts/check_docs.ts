/**
 * `deno task check:docs`: every exported symbol of every package is documented and has written
 * types (`deno doc --lint`).
 *
 * @module
 */
import { entryPoints, members, root } from "./workspace.ts";

// All at once: a type that another package exports is public then.
const entries = (await members()).flatMap(entryPoints).map(({ href }) => href);
const child = new Deno.Command(Deno.execPath(), {
  args: ["doc", "--lint", "--quiet", ...entries],
  cwd: root,
  stdout: "null",
}).spawn();
Deno.exitCode = (await child.status).code;

/**
 * `deno task check:docs`: every exported symbol of every package is documented and has written
 * types (`deno doc --lint`).
 *
 * @module
 */
import { entryPoints, members, root } from "./workspace.ts";

const entries = (await members()).flatMap(entryPoints).map(({ href }) => href);
const child = new Deno.Command(Deno.execPath(), {
  args: ["doc", "--lint", "--no-lock", ...entries],
  cwd: root,
  stdout: "null",
});
Deno.exitCode = (await child.spawn().status).code;

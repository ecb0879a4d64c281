/**
 * `deno task check`: runs every task of the workspace whose name starts with `check:` and says
 * which of them failed.
 *
 * @module
 */
import { root } from "../workspace/members.ts";

const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
const names = Object.keys(tasks).filter((name) => name.startsWith("check:"));
const failed: string[] = [];
for (const name of names) {
  const start = performance.now();
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", name],
    cwd: root,
    stdin: "null",
  }).output();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${success ? "ok    " : "FAILED"} ${name} (${seconds} s)`);
  if (success) continue;
  failed.push(name);
  await Deno.stdout.write(stdout);
  await Deno.stdout.write(stderr);
}
console.log(`${names.length - failed.length} checks passed, ${failed.length} failed`);
if (failed.length) Deno.exit(1);

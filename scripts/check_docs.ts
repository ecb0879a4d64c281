/**
 * `deno task check:docs`: every exported symbol of every package is documented and has written
 * types (`deno doc --lint`).
 *
 * @module
 */
import { entryPoints, type Member, members } from "./workspace.ts";

const failed: string[] = [];
for (const member of await members()) {
  if (!await isDocumented(member)) failed.push(member.config.name);
}
if (failed.length) {
  console.error(`Not documented in full: ${failed.join(", ")}`);
  Deno.exit(1);
}
console.log("Every exported symbol is documented");

/** The module graph's warnings are the business of `check:types`. */
async function isDocumented(member: Member): Promise<boolean> {
  const entries = entryPoints(member).map(({ href }) => href);
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--lint", "--quiet", "--no-lock", ...entries],
    cwd: member.folder,
    stdout: "null",
  }).output();
  if (!success) await Deno.stderr.write(stderr);
  return success;
}

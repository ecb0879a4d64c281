/**
 * `deno task check:publish`: each package of the workspace can be published as it is, and all
 * carry the same version. Nothing is sent.
 *
 * @module
 */
import { type Member, members } from "./workspace.ts";
import { versionProblems } from "./version.ts";

const problems = await versionProblems();
for (const member of await members()) problems.push(...await publishProblems(member));
for (const problem of problems) console.error(problem);
if (problems.length) Deno.exit(1);
console.log("Every package can be published");

/** Types are the business of `check:types`; slow types are found here all the same. */
async function publishProblems({ folder, config }: Member): Promise<string[]> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["publish", "--dry-run", "--quiet", "--no-check", "--no-lock", "--allow-dirty"],
    cwd: folder,
    stdin: "null",
  }).output();
  return success ? [] : [`${config.name}: ${new TextDecoder().decode(stderr).trim()}`];
}

/**
 * `deno task check:publish`: each package of the workspace can be published as it is, and all
 * carry the same version. Nothing is sent.
 *
 * @module
 */
import { stripVTControlCharacters } from "node:util";
import { versionProblems } from "../release/version.ts";
import { type Member, members } from "../workspace/members.ts";

/** JSR refuses a package above this size, unpacked; `deno publish --dry-run` does not look. */
const MAX_BYTES = 20 * 2 ** 20;

/** Why a package cannot be published, one entry each; none where it can. */
export async function publishProblems({ folder, config }: Member): Promise<string[]> {
  // Types are the business of `check:types`; slow types are found here all the same.
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["publish", "--dry-run", "--no-check", "--no-lock", "--allow-dirty"],
    cwd: folder,
    stdin: "null",
  }).output();
  const report = stripVTControlCharacters(new TextDecoder().decode(stderr)).trim();
  if (!success) return [`${config.name}: ${report}`];
  let bytes = 0;
  for (const [, href] of report.matchAll(/^\s+(file:\S+) \(/gm)) {
    bytes += (await Deno.stat(new URL(href!))).size;
  }
  if (bytes <= MAX_BYTES) return [];
  return [`${config.name}: ${bytes} bytes in all, more than the ${MAX_BYTES} that JSR takes`];
}

if (import.meta.main) {
  const problems = await versionProblems();
  for (const member of await members()) problems.push(...await publishProblems(member));
  for (const problem of problems) console.error(problem);
  if (problems.length) Deno.exit(1);
  console.log("Every package can be published");
}

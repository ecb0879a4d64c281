/**
 * `deno task publish [flags of deno publish]`: publishes the packages of the workspace, each after
 * those that it imports. A version that is there already is left out, so that a run that was
 * cut off can be repeated.
 *
 * @module
 */
import { inOrder, members } from "../workspace/members.ts";

for (const { config, folder } of inOrder(await members())) {
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["publish", ...Deno.args],
    cwd: folder,
  }).spawn().status;
  if (code !== 0) {
    console.error(`Cannot publish ${config.name}: deno publish ended with ${code}`);
    Deno.exit(code);
  }
}

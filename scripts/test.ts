/**
 * `deno task test [paths] [flags of deno test]`: runs the tests of the workspace, or of the given
 * paths, whether or not the JSR registry can be reached. Types are checked by `deno task check`;
 * `--check` checks them here too.
 *
 * @module
 */
import { jsrAccess } from "./jsr_registry/stand_in.ts";

await using jsr = await jsrAccess();
const child = new Deno.Command(Deno.execPath(), {
  args: ["test", "-A", "--parallel", "--no-check", ...jsr.args, ...Deno.args],
  env: { DENO_JOBS: "2", ...Deno.env.toObject(), ...jsr.env },
}).spawn();
Deno.exitCode = (await child.status).code;

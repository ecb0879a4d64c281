/**
 * `deno task test [paths] [flags of deno test]`: runs the tests of the workspace, or of the given
 * paths, whether or not JSR can be reached. Types are checked by `deno task check`; `--check`
 * checks them here too.
 *
 * @module
 */
import { makeFixtures } from "../tests/support/fixtures.ts";
import { runWithJsr } from "./with_jsr.ts";

/** Test files that run at once: models fill the cores by themselves. */
const JOBS = Deno.env.get("DENO_JOBS") ?? "2";

makeFixtures();
Deno.exitCode = await runWithJsr(
  "test",
  ["-A", "--parallel", "--no-check", ...Deno.args],
  { DENO_JOBS: JOBS },
);

/**
 * `deno task test [paths] [flags of deno test]`: runs the tests of the workspace, or of the given
 * paths, whether or not JSR can be reached. Types are checked by `deno task check`; `--check`
 * checks them here too. It says how many of the test files have begun.
 *
 * @module
 */
import { makeFixtures } from "../../tests/support/fixtures.ts";
import { runWithJsr } from "../jsr_registry/with_jsr.ts";

/** Test files that run at once: models fill the cores by themselves. */
const JOBS = Deno.env.get("DENO_JOBS") ?? "2";

/** Test files in a file or folder. */
async function testFiles(path: string): Promise<number> {
  if (!(await Deno.stat(path)).isDirectory) return 1;
  let count = 0;
  for await (const { name, isDirectory } of Deno.readDir(path)) {
    if (isDirectory && !/^(\.|node_modules$)/.test(name)) {
      count += await testFiles(`${path}/${name}`);
    } else if (/[_.]test\.ts$/.test(name)) count++;
  }
  return count;
}

makeFixtures();
const paths = Deno.args.filter((argument) => !argument.startsWith("-"));
const counts = await Promise.all(
  (paths.length === 0 ? ["."] : paths).map((path) => testFiles(path).catch(() => 0)),
);
const total = counts.reduce((sum, count) => sum + count, 0);
const begun = new Set<string>();
Deno.exitCode = await runWithJsr(
  "test",
  ["-A", "--parallel", "--no-check", ...Deno.args],
  { DENO_JOBS: JOBS },
  (line) => {
    // deno-lint-ignore no-control-regex
    const [, file] = line.replace(/\x1b\[[0-9;]*m/g, "").match(/^(\.\/\S+_test\.ts) => /) ?? [];
    if (file === undefined || begun.has(file)) return;
    begun.add(file);
    console.log(`[${begun.size} of ${total} test files have begun]`);
  },
);

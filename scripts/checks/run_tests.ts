/**
 * `deno task test [paths] [flags of deno test]`: runs the tests of the workspace, or of the given
 * paths, whether or not JSR can be reached. Types are checked by `deno task check`; `--check`
 * checks them here too. It says how far it is, and ends
 * when nothing ends any more.
 *
 * @module
 */
import { makeFixtures } from "../../tests/support/fixtures.ts";
import { runWithJsr } from "../jsr_registry/with_jsr.ts";

/** Test files that run at once: models fill the cores by themselves. */
const JOBS = Deno.env.get("DENO_JOBS") ?? "2";

/** A run in which no test comes to an end for so long is ended: something waits for what never comes. */
const SILENT_MINUTES = 20;

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
const running = new Set<string>();
let [results, failed] = [0, 0];
const stop = new AbortController();
const watch = () =>
  setTimeout(() => {
    const names = [...running].join(", ") || "none that says so";
    console.log(`No test has ended for ${SILENT_MINUTES} minutes; still running: ${names}`);
    stop.abort();
  }, SILENT_MINUTES * 60_000);
let timer = watch();

Deno.exitCode = await runWithJsr(
  "test",
  ["-A", "--parallel", "--no-check", ...Deno.args],
  { DENO_JOBS: JOBS },
  (coloured) => {
    // deno-lint-ignore no-control-regex
    const line = coloured.replace(/\x1b\[[0-9;]*m/g, "");
    const late = line.match(/^'(.*)' has been running for over/)?.[1];
    if (late !== undefined) running.add(late);
    const [, file, name, result] =
      line.match(/^(\.\/\S+_test\.ts) => (.*?) \.\.\. (?:.* )?(ok|FAILED|ignored) \(/) ?? [];
    if (file === undefined) return;
    clearTimeout(timer);
    timer = watch();
    results++;
    if (result === "FAILED") failed++;
    running.delete(name!);
    if (begun.has(file)) return;
    begun.add(file);
    const far = `${begun.size} of ${total} test files have begun`;
    console.log(`[${far}; ${results.toLocaleString("en")} results, ${failed} failed]`);
  },
  stop.signal,
);
clearTimeout(timer);

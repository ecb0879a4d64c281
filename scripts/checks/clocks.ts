/**
 * `deno task check:clocks`: no test waits by the clock, and none measures time to judge by it: on a busy
 * machine it fails, or what it waits for comes later. Tests await states (tests/support/until.ts). Where
 * time itself is what a test is about, `// clock: ` and the reason stand on the line before.
 *
 * @module
 */
import { sourceFiles } from "../workspace/imports.ts";
import { root } from "../workspace/members.ts";

/** What reads or waits for the clock; `setTimeout(…, 0)` is another turn, not a wait. */
const CLOCK = /\b(setTimeout\((?!.*, 0\))|performance\.now\()/;
/** The stand-in of FakeTime, which is about time. */
const LEFT_OUT = /^tests\/support\/jsr\//;

/** What is wrong in a test file: places as `file:line`. */
export function clockProblems(file: string, text: string): string[] {
  if (!/[._]test\.ts$/.test(file) || LEFT_OUT.test(file)) return [];
  const lines = text.split("\n");
  return lines.flatMap((line, at) =>
    CLOCK.test(line) && !/^\s*\/\/ clock: \S/.test(lines[at - 1] ?? "")
      ? [
        `${file}:${at + 1}: a test that waits by the clock or judges by it; await a state ` +
        `(until() of tests/support/until.ts), or say on the line before why not: // clock: reason`,
      ]
      : []
  );
}

if (import.meta.main) {
  const problems: string[] = [];
  for await (const file of sourceFiles(root)) {
    const path = file.href.slice(root.href.length);
    problems.push(...clockProblems(path, await Deno.readTextFile(file)));
  }
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) Deno.exit(1);
}

/**
 * `deno task check:runtimes`: core and the plugins run in Deno, Node.js and Bun. `Deno` stands in the code of no
 * file but those below, which ask core's `runtime`, `isPermitted` or `needsDeno` first, and nothing is
 * used that one of the three lacks.
 *
 * @module
 */
import { sourceFiles } from "../workspace/imports.ts";
import { root } from "../workspace/members.ts";

/** Files that may say `Deno`, and why. */
const DENO: readonly (readonly [path: RegExp, why: string])[] = [
  [/^core\/system\.ts$/, "asks which runtime it is, and Deno's permissions"],
  [/^plugins\/runtimes\/onnx\/engine\/native\//, "calls onnxruntime through Deno's FFI"],
  [/^plugins\/runtimes\/onnx\/trim_memory\.ts$/, "calls glibc through Deno's FFI"],
  [
    /^plugins\/sources\/hub\/lock\.ts$/,
    "locks files by flock(2), which Node.js and Bun do not have",
  ],
  [/^plugins\/media\/(image\/display_sample|terminal\/_notebook)\.ts$/, "shows in Deno's notebook"],
  [/^plugins\/foundations\/process\/(start|parent)\.ts$/, "has streams of its own in Deno"],
  [/^plugins\/foundations\/testing\/_register\.ts$/, "registers tests with Deno's runner"],
  [/^plugins\/tools\/cli\/serve\.ts$/, "starts the server, which needs Deno"],
  [/^plugins\/tools\/create\//, "writes packages for Deno and JSR"],
];

/** What Node.js 24 does not have, and what does the same in all three. */
const ABSENT: readonly (readonly [code: RegExp, instead: string])[] = [
  [/\.(toHex|toBase64)\(|\bUint8Array\.from(Hex|Base64)\(/, "Buffer of node:buffer"],
  [/\bMath\.sumPrecise\(/, "a loop"],
  [/\bTemporal\./, "Date"],
];

/** The code of a module with its comments blanked out, so that places stay. */
function withoutComments(text: string): string {
  return text.replace(
    /("(?:\\.|[^"\\\n])*")|\/\*[^]*?\*\/|(?<=^|[\s;{}(,])\/\/[^\n]*/g,
    (whole, string?: string) => string ?? whole.replace(/[^\n]/g, " "),
  );
}

/**
 * What of a module does not run everywhere, one line each.
 *
 * @param path Its path from the root.
 */
export function runtimeProblems(path: string, text: string): string[] {
  const lines = withoutComments(text).split("\n");
  const mayBeDeno = DENO.some(([pattern]) => pattern.test(path));
  return lines.flatMap((line, i) => {
    const found: string[] = [];
    if (!mayBeDeno && /\bDeno\b/.test(line.replace(/"[^"]*"/g, ""))) {
      found.push("Deno, which Node.js and Bun do not have; use node: modules, or core/system.ts");
    }
    for (const [code, instead] of ABSENT) {
      if (code.test(line)) found.push(`what Node.js 24 does not have; use ${instead}`);
    }
    return found.map((problem) => `${path}:${i + 1} uses ${problem}`);
  });
}

if (import.meta.main) {
  const problems: string[] = [];
  for (const folder of ["core/", "plugins/"]) {
    for await (const file of sourceFiles(new URL(folder, root))) {
      const path = file.href.slice(root.href.length);
      if (/_test\.ts$|\/testdata\/|\/_testing\.ts$/.test(path)) continue;
      problems.push(...runtimeProblems(path, await Deno.readTextFile(file)));
    }
  }
  for (const problem of problems) console.error(problem);
  if (problems.length) Deno.exit(1);
  console.log("Core and the plugins use what Deno, Node.js and Bun share");
}

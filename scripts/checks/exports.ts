/**
 * `deno task check:exports`: every name that core, the foundations and @denoise/onnx export has a caller outside
 * its package's tests, or stands below as one for users. A type has one, too, where another declaration
 * of its package is written with it.
 *
 * @module
 */
import { type Exported, exportsOf } from "../workspace/exports.ts";
import { sourceFiles } from "../workspace/imports.ts";
import { entryPoints, type Member, members, root } from "../workspace/members.ts";

/** The packages that are looked at. */
const CHECKED = /^(core|plugins\/foundations\/|plugins\/runtimes\/)/;

/** Names without a caller here, by package, which users need. */
const FOR_USERS: Readonly<Record<string, readonly string[]>> = {
  // who reads such files by other means
  "@denoise/gguf": ["decodeGguf"],
  "@denoise/safetensors": ["parseHeader"],
  // authors of schedulers
  "@denoise/schedules": [
    "alphaBarBetas",
    "BrownianPath",
    "countAboveLambda",
    "lambdasOf",
    "spaceTimesteps",
  ],
  // authors of pipelines
  "@denoise/stable-diffusion": ["guideByImage"],
  // authors of models, and of their tests
  "@denoise/onnx": ["checkpointOf", "pad2d"],
};

/** A file that may use what packages export. */
export interface Text {
  /** Its path from the root. */
  readonly path: string;
  /** What it says, documentation and all. */
  readonly text: string;
}

/** Test files of packages, and modules that only hand on. */
const NO_CALLER = /_test\.ts$|\/testdata\/|\/mod\.ts$/;

/** How often each word stands in the code of a file. */
function wordsOf({ path, text }: Text): ReadonlyMap<string, number> {
  const code = path.endsWith(".md") ? text : text.replace(/\/\*\*[^]*?\*\//g, "");
  const counts = new Map<string, number>();
  for (const [word] of code.matchAll(/[A-Za-z_$][\w$]*/g)) {
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return counts;
}

/** The names of a package that nothing uses. */
export function withoutCaller(
  { path, config: { name } }: Pick<Member, "path" | "config">,
  exported: readonly Exported[],
  texts: readonly Text[],
): string[] {
  const imports = new RegExp(`["']${name}(/[\\w/]+)?["']`);
  const callers = texts.filter((file) =>
    file.path.startsWith(`${path}/`) ? !NO_CALLER.test(file.path) : imports.test(file.text)
  ).map((file) => ({ path: file.path, words: wordsOf(file) }));
  return exported.filter(({ name, file, isType }) =>
    !callers.some(({ path, words }) =>
      // a type is used where its own file writes another declaration with it
      (words.get(name) ?? 0) > (path !== file ? 0 : isType ? 1 : Infinity)
    )
  ).map(({ name }) => name);
}

async function allTexts(packages: readonly Member[]): Promise<Text[]> {
  const folders = [
    ...packages.map(({ folder }) => folder),
    ...["scripts/", "tests/"].map((path) => new URL(path, root)),
  ];
  const files = (await Promise.all(folders.map((folder) => Array.fromAsync(sourceFiles(folder)))))
    .flat();
  for await (const { name } of Deno.readDir(new URL("docs/", root))) {
    if (name.endsWith(".md")) files.push(new URL(`docs/${name}`, root));
  }
  const callers = files.filter(({ href }) => href !== import.meta.url);
  return await Promise.all(
    callers.map(async (file) => ({
      path: file.href.slice(root.href.length),
      text: await Deno.readTextFile(file),
    })),
  );
}

/** Problems of the workspace, one line each. */
export async function exportProblems(): Promise<string[]> {
  const packages = await members();
  const texts = await allTexts(packages);
  const found = await Promise.all(
    packages.filter(({ path }) => CHECKED.test(path)).map(async (member) => {
      const { name } = member.config;
      const known = FOR_USERS[name] ?? [];
      const unused = withoutCaller(member, await exportsOf(entryPoints(member)), texts);
      return [
        ...unused.filter((one) => !known.includes(one))
          .map((one) => `${name} exports ${one}, which nothing outside its tests uses`),
        ...known.filter((one) => !unused.includes(one))
          .map((one) =>
            `${name}: ${one} is used, or not there; it need not be said to be for users`
          ),
      ];
    }),
  );
  return found.flat();
}

if (import.meta.main) {
  const problems = await exportProblems();
  for (const problem of problems) console.error(problem);
  if (problems.length) Deno.exit(1);
  console.log("Every exported name has a caller");
}

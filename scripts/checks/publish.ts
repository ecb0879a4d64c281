/**
 * `deno task check:publish`: each package of the workspace can be published as it is, holds no tests
 * nor what only tests need, and all carry the same version. Nothing is sent.
 *
 * @module
 */
import { stripVTControlCharacters } from "node:util";
import { versionProblems } from "../release/version.ts";
import { type Member, members } from "../workspace/members.ts";

/** JSR refuses a package above this size, unpacked; `deno publish --dry-run` does not look. */
const MAX_BYTES = 20 * 2 ** 20;

/** Files that a package needs for its tests only. */
const FOR_TESTS = /_test\.[tj]sx?$|\/_testing\.ts$|\/(testdata|tests|__snapshots__)\//;

/** What a package would publish, and why it cannot be. */
export interface PublishReport {
  /** The addresses of its files. */
  readonly files: readonly string[];
  /** Their bytes in all. */
  readonly bytes: number;
  /** One entry each; none where it can be published. */
  readonly problems: readonly string[];
}

/** What a package would publish. */
export async function publishReport({ folder, config }: Member): Promise<PublishReport> {
  // Types are the business of `check:types`; slow types are found here all the same.
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["publish", "--dry-run", "--no-check", "--no-lock", "--allow-dirty"],
    cwd: folder,
    stdin: "null",
  }).output();
  const report = stripVTControlCharacters(new TextDecoder().decode(stderr)).trim();
  if (!success) return { files: [], bytes: 0, problems: [`${config.name}: ${report}`] };
  const files = [...report.matchAll(/^\s+(file:\S+) \(/gm)].map(([, href]) => href!);
  const sizes = await Promise.all(files.map((href) => Deno.stat(new URL(href))));
  const bytes = sizes.reduce((sum, { size }) => sum + size, 0);
  const problems = files.filter((href) => FOR_TESTS.test(href.slice(folder.href.length - 1)))
    .map((href) => `${config.name}: ${href} is for tests; leave it out by "publish"`);
  if (bytes > MAX_BYTES) {
    problems.push(
      `${config.name}: ${bytes} bytes in all, more than the ${MAX_BYTES} that JSR takes`,
    );
  }
  return { files, bytes, problems };
}

if (import.meta.main) {
  const problems = await versionProblems();
  const packages = await members();
  let [files, bytes] = [0, 0];
  for (const member of packages) {
    const report = await publishReport(member);
    problems.push(...report.problems);
    files += report.files.length;
    bytes += report.bytes;
  }
  for (const problem of problems) console.error(problem);
  if (problems.length) Deno.exit(1);
  const megabytes = (bytes / 2 ** 20).toFixed(1);
  console.log(
    `All ${packages.length} packages can be published: ${files} files, ${megabytes} MB, no tests among them`,
  );
}

/**
 * `deno task check:audit`: whether the packages of the locks that run scripts when they are installed are
 * all denied to, and whether one has an advisory of high severity. Where the service of advisories cannot
 * be reached it says so, which is no failure.
 *
 * @module
 */
import { LOCKS } from "../generate/locks.ts";
import { root } from "../workspace/members.ts";

interface Lock {
  readonly npm?: Readonly<Record<string, { readonly scripts?: boolean }>>;
}

/** How `deno audit` says that there are advisories. */
const FOUND = /\bFound \d+ vulnerabilit/;

async function read<T>(path: string): Promise<T> {
  return JSON.parse(await Deno.readTextFile(new URL(path, root))) as T;
}

/** Names of the packages that run scripts when they are installed. */
export function withScripts({ npm = {} }: Lock): string[] {
  return Object.entries(npm).filter(([, { scripts }]) => scripts)
    .map(([name]) => `npm:${name.replace(/(?<=.)@.*$/, "")}`);
}

/** What `deno audit` found: `undefined` where it could not ask. */
export function findings(code: number, output: string): boolean | undefined {
  if (code === 0) return false;
  return FOUND.test(output) ? true : undefined;
}

if (import.meta.main) {
  const { allowScripts } = await read<{ allowScripts: { deny: string[] } }>("deno.json");
  let failed = false;
  for (const path of ["deno.lock", ...Object.keys(LOCKS)]) {
    const strangers = withScripts(await read<Lock>(path))
      .filter((name) => !allowScripts.deny.includes(name));
    if (strangers.length > 0) {
      console.error(`${path}: these run scripts, and allowScripts.deny has them not: ${strangers}`);
      failed = true;
    }
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["audit", "--level=high", `--lock=${path}`],
      cwd: root,
      env: { NO_COLOR: "1" },
    }).output();
    const output = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("\n");
    const found = findings(code, output);
    if (found) console.error(`${path}:\n${output}`);
    if (found === undefined) {
      const [why] = output.split("\n").filter((line) => line.includes("error"));
      console.log(`${path}: left out, since the service of advisories does not answer: ${why}`);
    }
    failed ||= found === true;
  }
  if (failed) Deno.exit(1);
}

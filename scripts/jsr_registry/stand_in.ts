/**
 * Where the JSR registry cannot be reached, the tests' imports from it are served from
 * `tests/support/jsr/`.
 *
 * @module
 */
import { readPackage, type ServedPackage } from "./registry.ts";
import { serveRegistry } from "./serve.ts";

const root = new URL("../../", import.meta.url);
const standIns = new URL("tests/support/jsr/", root);

/** Longest wait for an answer from the registry. */
const PROBE_MS = 3_000;

/** How long a failed probe is believed. */
const BELIEVE_MS = 10 * 60_000;

/** What a child `deno` needs to find the packages that tests import from JSR. */
export interface JsrAccess extends AsyncDisposable {
  /** Environment of the child. */
  env: Record<string, string>;
  /** Arguments of the child, after the subcommand. */
  args: string[];
}

/**
 * Leaves JSR as it is where `JSR_URL` is set or the registry answers, else serves the stand-ins
 * and says so in one line. The stand-ins never touch the committed lock file.
 */
export async function jsrAccess(): Promise<JsrAccess> {
  if (Deno.env.has("JSR_URL") || await isReachable()) {
    return { env: {}, args: [], [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const packages = [];
  for await (const entry of Deno.readDir(standIns)) {
    if (entry.isDirectory) packages.push(await readPackage(new URL(`${entry.name}/`, standIns)));
  }
  const registry = await serveRegistry(packages);
  await fetchQuietly(packages, registry.url);
  const lock = await copyLock();
  console.log(
    `JSR cannot be reached: ${packages.map(({ name }) => name).sort().join(" and ")} come from ` +
      "the stand-ins in tests/support/jsr",
  );
  return {
    env: { JSR_URL: registry.url },
    args: [`--lock=${lock}`],
    [Symbol.asyncDispose]: async () => {
      await Deno.remove(lock).catch(() => {});
      await registry[Symbol.asyncDispose]();
    },
  };
}

/** Fills Deno's cache, which would print a line for each file in the middle of the test results. */
async function fetchQuietly(packages: readonly ServedPackage[], url: string): Promise<void> {
  const entries = packages.flatMap(({ name, version, exports }) =>
    Object.keys(exports).map((path) => `jsr:${name}@${version}${path.slice(1)}`)
  );
  const args = ["cache", "--quiet", "--no-lock", "--no-config", ...entries];
  await new Deno.Command(Deno.execPath(), { args, env: { JSR_URL: url } }).output();
}

/** Asks as the tests will: through Deno, its cache included. */
async function isReachable(): Promise<boolean> {
  const memory = new URL(".cache/jsr_unreachable", root);
  const told = await Deno.stat(memory).catch(() => null);
  if (told?.mtime && Date.now() - told.mtime.getTime() < BELIEVE_MS) return false;
  const { imports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
  const probe = new Deno.Command(Deno.execPath(), {
    args: ["cache", "--no-lock", "--no-config", "--quiet", imports["@std/assert"]],
    stdin: "null",
    stdout: "null",
    stderr: "null",
    signal: AbortSignal.timeout(PROBE_MS),
  });
  if ((await probe.output()).success) return true;
  await Deno.mkdir(new URL(".cache/", root), { recursive: true });
  await Deno.writeTextFile(memory, "");
  return false;
}

/** The committed lock without its JSR entries, whose checksums are those of the real packages. */
async function copyLock(): Promise<string> {
  const copy = await Deno.makeTempFile({ prefix: "deno-", suffix: ".lock" });
  const text = await Deno.readTextFile(new URL("deno.lock", root)).catch(() => "");
  if (!text) {
    await Deno.remove(copy);
    return copy;
  }
  const lock = JSON.parse(text);
  delete lock.jsr;
  for (const specifier of Object.keys(lock.specifiers ?? {})) {
    if (specifier.startsWith("jsr:")) delete lock.specifiers[specifier];
  }
  await Deno.writeTextFile(copy, JSON.stringify(lock, null, 2));
  return copy;
}

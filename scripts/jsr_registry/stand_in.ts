/**
 * Access to the packages that tests import from JSR, also where JSR cannot be reached.
 *
 * @module
 */
import { readConfig, root } from "../workspace/members.ts";
import { type Registry, standInRegistry } from "./mod.ts";

/** Longest wait for an answer from JSR. */
const PROBE_MS = 3_000;

/** How long a failed probe is believed. */
const BELIEVE_MS = 10 * 60_000;

/** What a child `deno` needs. */
export interface JsrAccess extends AsyncDisposable {
  /** Environment. */
  env: Record<string, string>;
  /** Arguments, after the subcommand. */
  args: string[];
}

/**
 * Leaves JSR as it is where `JSR_URL` is set or JSR answers, else serves the stand-ins and says so
 * in one line. The stand-ins never touch the committed lock file.
 */
export async function jsrAccess(): Promise<JsrAccess> {
  if (Deno.env.has("JSR_URL") || await isReachable()) {
    return { env: {}, args: [], [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const registry = await standInRegistry();
  const env = { JSR_URL: await registry.url() };
  const names = registry.packages.map(({ name }) => name).sort().join(" and ");
  console.log(`JSR cannot be reached: ${names} come from the stand-ins in tests/support/jsr`);
  await fillCache(registry, env);
  const folder = await Deno.makeTempDir({ prefix: "denoise-" });
  return {
    env,
    args: [`--lock=${await copyLock(folder)}`],
    [Symbol.asyncDispose]: async () => {
      await Deno.remove(folder, { recursive: true });
      await registry[Symbol.asyncDispose]();
    },
  };
}

/** Asks as the tests will: through Deno, its cache included. */
async function isReachable(): Promise<boolean> {
  const memory = new URL(".cache/jsr_unreachable", root);
  const remembered = await Deno.stat(memory).catch(() => null);
  if (remembered?.mtime && Date.now() - remembered.mtime.getTime() < BELIEVE_MS) return false;
  const config = await readConfig(root);
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["cache", "--no-lock", "--no-config", "--quiet", `${config?.imports?.["@std/assert"]}`],
    stdin: "null",
    stdout: "null",
    stderr: "null",
    signal: AbortSignal.timeout(PROBE_MS),
  }).output();
  if (success) return true;
  await Deno.mkdir(new URL(".cache/", root), { recursive: true });
  await Deno.writeTextFile(memory, "");
  return false;
}

/** Downloads quietly what Deno would otherwise report, file by file, among the test results. */
async function fillCache(registry: Registry, env: Record<string, string>): Promise<void> {
  const entries = registry.packages.flatMap(({ name, version, exports }) =>
    Object.keys(exports).map((path) => `jsr:${name}@${version}${path.slice(1)}`)
  );
  const args = ["cache", "--quiet", "--no-lock", "--no-config", ...entries];
  await new Deno.Command(Deno.execPath(), { args, env, stdin: "null" }).output();
}

/** The committed lock without its JSR entries, whose checksums are those of the real packages. */
async function copyLock(folder: string): Promise<string> {
  const path = `${folder}/deno.lock`;
  const text = await Deno.readTextFile(new URL("deno.lock", root)).catch(() => "");
  if (!text) return path;
  const lock = JSON.parse(text);
  delete lock.jsr;
  for (const specifier of Object.keys(lock.specifiers ?? {})) {
    if (specifier.startsWith("jsr:")) delete lock.specifiers[specifier];
  }
  await Deno.writeTextFile(path, JSON.stringify(lock, null, 2));
  return path;
}

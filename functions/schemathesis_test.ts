/**
 * schemathesis on the published description: it makes requests that fit it and requests that do not.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { fileURLToPath } from "node:url";
import { listen } from "./http/listen.ts";
import { fakeApp } from "./tests/app.ts";

/** The version that was tried. */
const PACKAGE = "schemathesis==4.32.5";
/** Longest installation, and longest run, in milliseconds. */
const INSTALL_MS = 600_000;
const RUN_MS = 1_200_000;

const folder = fileURLToPath(new URL("../.cache/schemathesis", import.meta.url));

/** Runs a program in that folder, where schemathesis leaves its notes. */
async function run(command: string, args: string[], ms: number) {
  await Deno.mkdir(folder, { recursive: true });
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args,
    cwd: folder,
    stdin: "null",
    env: { NO_COLOR: "1", PYTHONWARNINGS: "ignore" },
    signal: AbortSignal.timeout(ms),
  }).output();
  const decoder = new TextDecoder();
  return { success, output: decoder.decode(stdout) + decoder.decode(stderr) };
}

/** Installs it into a folder of its own, once; undefined, said in one line, where that does not work. */
async function installed(): Promise<string | undefined> {
  const program = `${folder}/bin/schemathesis`;
  const works = () =>
    run(program, ["--version"], INSTALL_MS).then(({ success }) => success, () => false);
  if (await works()) return program;
  try {
    await run("python3", ["-m", "venv", folder], INSTALL_MS);
    await run(`${folder}/bin/pip`, ["install", "--quiet", PACKAGE], INSTALL_MS);
  } catch {
    // reported below
  }
  if (await works()) return program;
  console.log(
    "schemathesis is left out: it could not be installed (Python 3.10 with venv and pip)",
  );
  return undefined;
}

describe("GET /openapi.json", () => {
  it("describes an API that schemathesis finds no 5xx in, and that answers every request", async () => {
    const program = await installed();
    if (program === undefined) return;
    const { app } = fakeApp();
    const server = await listen(app.fetch, { host: "127.0.0.1", port: 0 });
    try {
      const { success, output } = await run(program, [
        "run",
        `${server.url}/openapi.json`,
        "--checks=not_a_server_error",
        "--phases=examples,coverage,fuzzing",
        "--max-examples=15",
        "--request-timeout=60",
        "--seed=1",
        "--generation-database=none",
      ], RUN_MS);
      assert(success, output);
      assert(/\d+ generated/.test(output), output);
      const alive = await fetch(`${server.url}/livez`);
      assertEquals(alive.status, 200);
      await alive.body?.cancel();
    } finally {
      await server.close();
    }
  });
});

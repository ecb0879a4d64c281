/**
 * schemathesis on the published description: it makes requests that fit it and requests that do not.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { pythonPackages } from "../tests/support/python_programs.ts";
import { listen } from "./http/listen.ts";
import { fakeApp } from "./tests/app.ts";

/** The version that was tried. */
const PACKAGE = "schemathesis==4.32.5";
/** Longest run in milliseconds. */
const RUN_MS = 1_200_000;

describe("GET /openapi.json", () => {
  it("describes an API that schemathesis finds no 5xx in, and that answers every request", async () => {
    const python = await pythonPackages("schemathesis", [PACKAGE], ["schemathesis"]);
    if (python === undefined) return;
    const { app } = fakeApp();
    const server = await listen(app.fetch, { host: "127.0.0.1", port: 0 });
    try {
      const { success, output } = await python.run("schemathesis", [
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

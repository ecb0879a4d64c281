import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { TINY } from "../tests/jobs.ts";
import { startProgram, untilReady } from "../tests/programs.ts";

/** A port that nobody listens on. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

describe("deno task serve with a port for probes", () => {
  it("answers probes and metrics there without a key, and nothing else, whatever the other port does", async () => {
    const probePort = freePort();
    await using server = await startProgram("serve", {
      DENOISE_MODELS: `tiny=${TINY}`,
      DENOISE_PORT: "0",
      DENOISE_PROBE_PORT: `${probePort}`,
      DENOISE_API_KEYS: "ann:key-of-ann",
      DENOISE_LOG_LEVEL: "error",
    });
    const probes = `http://127.0.0.1:${probePort}`;
    const status = async (base: string, path: string, method = "GET"): Promise<number> => {
      const response = await server.alive(fetch(`${base}${path}`, { method }));
      await response.body?.cancel();
      return response.status;
    };
    await server.alive(untilReady(probes));
    const paths = ["/livez", "/readyz", "/ping", "/health", "/health-check", "/metrics"];
    for (const path of paths) assertEquals(await status(probes, path), 200, path);
    for (const path of ["/", "/openapi.json", "/v1/models", "/files/x", "/operator/dead-letters"]) {
      assertEquals(await status(probes, path), 404, path);
    }
    assertEquals(await status(probes, "/v1/images/generations", "POST"), 404);
    assertEquals(await status(server.url, "/metrics"), 401);

    const { hostname, port } = new URL(server.url);
    const connections: Deno.Conn[] = [];
    try {
      for (let i = 0; i < 1_100; i++) { // more than there are places, those for probes included
        connections.push(await Deno.connect({ hostname, port: Number(port) }));
      }
      for (const path of paths) assertEquals(await status(probes, path), 200, path);
      const text = await (await fetch(`${probes}/metrics`)).text();
      assert(text.includes("denoise_queue_depth 0"));
    } finally {
      for (const connection of connections) connection.close();
    }
  });
});

/**
 * What only shows over real connections: slow senders, callers who go, endless bodies.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { fakeApp } from "../tests/app.ts";
import { listen, type ListenOptions } from "./listen.ts";

type Test = (url: string, fake: ReturnType<typeof fakeApp>) => Promise<void>;

async function serving(test: Test, options: Partial<ListenOptions> = {}): Promise<void> {
  const fake = fakeApp({}, { stepMs: 5 });
  const server = await listen(fake.app.fetch, { host: "127.0.0.1", port: 0, ...options });
  try {
    await test(server.url, fake);
  } finally {
    await fake.app.drain(0);
    await server.close();
  }
}

/** Sends raw text, and gives what comes back until the server ends the connection. */
async function raw(url: string, pieces: AsyncIterable<string> | string[]): Promise<string> {
  const { hostname, port } = new URL(url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  const read = new Response(connection.readable).text().catch((error) => String(error));
  const writer = connection.writable.getWriter();
  try {
    for await (const piece of pieces) await writer.write(new TextEncoder().encode(piece));
  } catch {
    // the server has ended the connection
  }
  return await read;
}

const HEAD =
  "POST /v1/images/generations HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";

describe("listen()", () => {
  it("ends the connection of who sends headers or body too slowly with 408", async () => {
    const timeouts = { headersTimeoutMs: 200, requestTimeoutMs: 400 };
    await serving(async (url) => {
      const began = performance.now();
      const replies = await Promise.all([
        raw(url, ["GET /livez HTTP/1.1\r\nhost: x\r\nx-half"]),
        raw(url, [`${HEAD}content-length: 100\r\n\r\n{"prompt`]),
      ]);
      for (const reply of replies) assert(reply.includes(" 408 "), reply);
      assert(performance.now() - began < 5_000);
      assertEquals((await fetch(`${url}/livez`)).status, 200);
    }, timeouts);
  });

  it("ends the run at the step after its caller is gone", async () => {
    await serving(async (url, { app, engine }) => {
      for (const stream of [false, true]) {
        const controller = new AbortController();
        const before = engine.steps;
        const reply = fetch(`${url}/v1/images/generations`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ prompt: "a", num_inference_steps: 150, stream }),
          signal: controller.signal,
        }).then((response) => response.text()).catch(() => {});
        while (engine.steps < before + 5) await new Promise((resolve) => setTimeout(resolve, 1));
        controller.abort();
        await reply;
        let running = 1;
        while (running > 0) {
          const text = await (await app.request("/metrics")).text();
          running = Number(text.match(/^denoise_running_jobs (\d+)/m)![1]);
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        // the loss of a connection is seen some milliseconds later, that is steps of 5 ms
        assert(engine.steps < before + 30, `${engine.steps - before} of 150 steps were run`);
      }
    });
  });

  it("counts a caller who goes in the middle of a body as refused, not as a failure", async () => {
    await serving(async (url) => {
      const { hostname, port } = new URL(url);
      for (
        const half of [
          'content-length: 99\r\n\r\n{"a',
          'transfer-encoding: chunked\r\n\r\n9\r\n{"a',
        ]
      ) {
        using connection = await Deno.connect({ hostname, port: Number(port) });
        await connection.write(new TextEncoder().encode(HEAD + half));
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      const refused = 'denoise_requests_total{door="openai",outcome="refused"} 2';
      const metrics = async () => await (await fetch(`${url}/metrics`)).text();
      for (const end = Date.now() + 5_000; !(await metrics()).includes(refused);) {
        assert(Date.now() < end, await metrics());
      }
    });
  });

  it("takes so many connections at once", async () => {
    await serving(async (url) => {
      const half = () => raw(url, ["GET /livez HTTP/1.1\r\nhost: x\r\nx-half"]);
      const replies = await Promise.all(Array.from({ length: 6 }, half));
      const served = replies.filter((reply) => reply.includes(" 408 "));
      assertEquals(served.length, 3);
      assertEquals((await fetch(`${url}/livez`)).status, 200);
    }, { maxConnections: 3, headersTimeoutMs: 300, requestTimeoutMs: 500 });
  });

  it("reads 600,000 pieces of one byte", async () => {
    await serving(async (url, { engine }) => {
      const text = JSON.stringify({ prompt: "a cat", num_inference_steps: 1 });
      const body = text.padEnd(600_000, " ");
      async function* pieces(): AsyncGenerator<string> {
        yield `${HEAD}connection: close\r\ntransfer-encoding: chunked\r\n\r\n`;
        for (let at = 0; at < body.length; at += 10_000) {
          yield [...body.slice(at, at + 10_000)].map((char) => `1\r\n${char}\r\n`).join("");
        }
        yield "0\r\n\r\n";
      }
      const reply = await raw(url, pieces());
      assert(reply.startsWith("HTTP/1.1 200"), reply.slice(0, 200));
      assertEquals(engine.begun.length, 1);
      assertEquals((await fetch(`${url}/livez`)).status, 200);
    });
  });

  it("answers raw nonsense with 4xx or the end of the connection, and lives on", async () => {
    await serving(async (url) => {
      const nonsense = [
        "\0\0\0\0",
        "GET\r\n\r\n",
        `GET /${"x".repeat(100_000)} HTTP/1.1\r\nhost: x\r\n\r\n`,
        `GET /none HTTP/1.1\r\nhost: x\r\n${"a: b\r\n".repeat(5_000)}\r\n`,
        `${HEAD}content-length: -5\r\n\r\n{}`,
        `${HEAD}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n`,
        `${HEAD}transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n`,
      ];
      for (const text of nonsense) {
        const reply = await raw(url, [text]);
        assert(
          reply === "" || /^HTTP\/1\.1 4\d\d|^ConnectionReset/.test(reply),
          reply.slice(0, 100),
        );
      }
      assertEquals((await fetch(`${url}/livez`)).status, 200);
    }, { headersTimeoutMs: 300, requestTimeoutMs: 500 });
  });
});

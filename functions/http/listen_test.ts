/**
 * What only shows over real connections: slow senders, callers who go, endless bodies.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { fakeApp } from "../tests/app.ts";
import { askAlone, metric, startModule, startProgram, untilReady } from "../tests/programs.ts";
import { listen, type Listening, type ListenOptions } from "./listen.ts";
import { until } from "../../tests/support/until.ts";

type Test = (
  url: string,
  fake: ReturnType<typeof fakeApp>,
  server: Listening,
) => Promise<void>;

async function serving(test: Test, options: Partial<ListenOptions> = {}): Promise<void> {
  const fake = fakeApp({}, { stepMs: 5 });
  const server = await listen(fake.app.fetch, { host: "127.0.0.1", port: 0, ...options });
  try {
    await test(server.url, fake, server);
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
  "POST /v1/images/generations HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";

/** Sends a request over so many connections, and reads nothing of what comes. */
async function silentReaders(url: string, count: number, request: string): Promise<Deno.TcpConn[]> {
  const { hostname, port } = new URL(url);
  const opened: Deno.TcpConn[] = [];
  for (let i = 0; i < count; i++) {
    const connection = await Deno.connect({ hostname, port: Number(port) });
    opened.push(connection);
    await connection.write(new TextEncoder().encode(request)).catch(() => {}); // it is refused
  }
  return opened;
}

const FILE_PATH = "/docs/swagger-ui-bundle.js";
const FILE = `GET ${FILE_PATH} HTTP/1.1\r\nhost: localhost\r\n\r\n`;
const env = { DENOISE_PORT: "0", DENOISE_LOG_LEVEL: "error" };

describe("deno task serve with a thousand connections that take nothing", () => {
  it("answers probes, and holds the bytes that they do not take once", async () => {
    await using server = await startProgram("serve", env);
    await server.alive(untilReady(server.url));
    const file = await server.alive(askAlone(`${server.url}${FILE_PATH}`));
    const { length } = new Uint8Array(await file.arrayBuffer());
    const before = await metric(server.url, "denoise_resident_memory_bytes");
    const readers = await silentReaders(server.url, 1_000, FILE.repeat(3));
    for (let i = 0; i < 30; i++) {
      const response = await server.alive(askAlone(`${server.url}/livez`));
      assertEquals([response.status, (await response.text()).length > 0], [200, true]);
    }
    const grown = await metric(server.url, "denoise_resident_memory_bytes") - before;
    // one that reads the file for each of them holds a thousand
    assert(grown < 1_000 * length / 3, `${grown / 1e6} MB more for files of ${length / 1e6} MB`);
    for (const reader of readers) reader.close();
  });
});

describe("deno task serve in a process that can open 400 files", () => {
  it("answers again after more connections came at once than it can open", async () => {
    const limit = ["prlimit", "--nofile=400:400"];
    await using server = await startProgram("serve", env, [], limit);
    await server.alive(untilReady(server.url));
    const { hostname, port } = new URL(server.url);
    const half = new TextEncoder().encode("GET /livez HTTP/1.1\r\nhost: localhost\r\nx-half");
    let connected = 0;
    const connect = async (): Promise<Deno.TcpConn> => {
      const connection = await Deno.connect({ hostname, port: Number(port) });
      connected++;
      await connection.write(half).catch(() => {}); // it is refused
      return connection;
    };
    server.process.kill("SIGSTOP"); // so that it finds all of them at once
    const connecting = Array.from({ length: 600 }, connect);
    await until(() => connected > 50);
    server.process.kill("SIGCONT");
    for (const connection of await server.alive(Promise.all(connecting))) connection.close();
    assertEquals((await server.alive(fetch(`${server.url}/livez`))).status, 200);
  });
});

describe("a server that can be reached no more", () => {
  it("ends with an error", async () => {
    const module = new URL("../tests/deaf_server.ts", import.meta.url);
    await using server = await startModule(module, [], {}, ["prlimit", "--nofile=200:200"]);
    const { hostname, port } = new URL(server.url);
    using _one = await Deno.connect({ hostname, port: Number(port) });
    server.process.kill("SIGUSR1"); // it has handles again, after the connection could not be taken
    const { code } = await server.process.status;
    // with 3 by its own probe, with 1 where Deno itself ends it; 4 is a server that stays and is silent
    assert(code === 3 || code === 1, `it ended with ${code}`);
  });
});

describe("listen()", () => {
  it("ends the connection of who sends headers or body too slowly with 408", async () => {
    const timeouts = { headersTimeoutMs: 2_000, requestTimeoutMs: 3_000 };
    await serving(async (url) => {
      const replies = await Promise.all([
        raw(url, ["GET /livez HTTP/1.1\r\nhost: localhost\r\nx-half"]),
        raw(url, [`${HEAD}content-length: 100\r\n\r\n{"prompt`]),
      ]);
      for (const reply of replies) assert(reply.includes(" 408 "), reply);
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
        await until(() => engine.steps >= before + 5);
        const open = engine.hold(); // no step is run while the loss of the connection is on its way
        controller.abort();
        await reply;
        await until(async () => {
          const text = await (await app.request("/metrics")).text();
          return text.includes("denoise_running_jobs 0\n");
        });
        open();
        assert(engine.steps < before + 150, `${engine.steps - before} of 150 steps were run`);
      }
    });
  });

  it("counts a caller who goes in the middle of a body as refused, not as a failure", async () => {
    await serving(async (url, _fake, server) => {
      const { hostname, port } = new URL(url);
      for (
        const half of [
          'content-length: 99\r\n\r\n{"a',
          'transfer-encoding: chunked\r\n\r\n9\r\n{"a',
        ]
      ) {
        using connection = await Deno.connect({ hostname, port: Number(port) });
        await connection.write(new TextEncoder().encode(HEAD + half));
        await until(() => server.connections > 0);
      }
      const refused = 'denoise_requests_total{door="openai",outcome="refused"} 2';
      await until(async () => (await (await fetch(`${url}/metrics`)).text()).includes(refused));
    });
  });

  it("takes so many connections at once, and beyond them probes alone", async () => {
    await serving(async (url, _fake, server) => {
      const half = "GET /livez HTTP/1.1\r\nhost: localhost\r\nx-half";
      const waiting = await silentReaders(url, 3, half);
      await until(() => server.connections === 3);
      const ask = async (path: string) => {
        const reply = await raw(url, [
          `GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`,
        ]);
        return reply.split("\r\n")[0];
      };
      assertEquals(await ask("/v1/models"), "HTTP/1.1 503 Service Unavailable");
      assertEquals(await ask("/livez"), "HTTP/1.1 200 OK");
      for (const connection of waiting) connection.close();
      await until(() => server.connections === 0);
      assertEquals(await ask("/v1/models"), "HTTP/1.1 200 OK");
    }, { maxConnections: 3, headersTimeoutMs: 60_000, requestTimeoutMs: 60_000 });
  });

  it("ends the connection of who sends nothing at all, and of who takes nothing", async () => {
    const short = { headersTimeoutMs: 300, requestTimeoutMs: 500, stalledMs: 300 };
    await serving(async (url, _fake, server) => {
      const { hostname, port } = new URL(url);
      const to = { hostname, port: Number(port) };
      assertEquals((await raw(url, [])).split("\r\n")[0]!.replace(/.* 408 .*/, ""), "");
      const many = FILE.repeat(10);
      using connection = await Deno.connect(to);
      await connection.write(new TextEncoder().encode(many));
      // ended while most of it is not read yet: what is read then ends early
      await until(() => server.connections === 0);
      let length = 0;
      try {
        for await (const piece of connection.readable) length += piece.length;
      } catch {
        // it was reset
      }
      assert(length < 10 * 1_400_000, `${length} bytes came`);
    }, short);
  });

  it("refuses two hosts, other versions of HTTP, and CONNECT", async () => {
    await serving(async (url) => {
      const first = async (text: string) => (await raw(url, [text])).split("\r\n")[0];
      assertEquals(
        await first("GET /livez HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n"),
        "HTTP/1.1 400 Bad Request",
      );
      const version = await first("GET /livez HTTP/2.0\r\nhost: a\r\n\r\n");
      assert(/^HTTP\/1.1 (400|505) /.test(version!), version);
      assertEquals(
        await first("CONNECT a:80 HTTP/1.1\r\nhost: a\r\n\r\n"),
        "HTTP/1.1 405 Method Not Allowed",
      );
    }, { headersTimeoutMs: 2_000, requestTimeoutMs: 3_000 });
  });

  it("lets who sends on read the refusal of a body", async () => {
    await serving(async (url) => {
      const body = new Uint8Array(32_000_001);
      for (const [path, status] of [["/v1/images/edits", 413], ["/none", 404]] as const) {
        const headers = { "content-type": "multipart/form-data; boundary=B" };
        const response = await fetch(`${url}${path}`, { method: "POST", headers, body });
        assertEquals(response.status, status);
        await response.body?.cancel();
      }
    });
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
        `GET /${"x".repeat(100_000)} HTTP/1.1\r\nhost: localhost\r\n\r\n`,
        `GET /none HTTP/1.1\r\nhost: localhost\r\n${"a: b\r\n".repeat(5_000)}\r\n`,
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
    }, { headersTimeoutMs: 2_000, requestTimeoutMs: 3_000 });
  });
});

/**
 * What requests cost: work grows as their size does, and while the largest of them are read the server
 * answers. The whole server, in a process of its own; costs are the time that processors work for it.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { TINY } from "./tests/jobs.ts";
import {
  mainThreadTime,
  metric,
  processorTime,
  type RunningProgram,
  startProgram,
  untilReady,
} from "./tests/programs.ts";

const env = { DENOISE_MODELS: `tiny=${TINY}`, DENOISE_PORT: "0", DENOISE_LOG_LEVEL: "error" };

/** A body of about so many bytes. */
type Body = (bytes: number) => string;

/** A list of that item, in a body. */
const list = (before: string, item: string, after: string): Body => (bytes) =>
  `${before}${item}${`,${item}`.repeat(bytes / (item.length + 1))}${after}`;

const text = (before: string, piece: string, after: string): Body => (bytes) =>
  `${before}${piece.repeat(bytes / piece.length)}${after}`;

/** Nine thousand fields that nobody has, whose names take all the bytes, and a width that no model has. */
function names(bytes: number): string {
  const name = "k".repeat(bytes / 9_000);
  const fields = Array.from({ length: 9_000 }, (_, i) => `"${name}${i}":1`);
  return `{"input":{"prompt":"a","width":60,${fields.join(",")}}}`;
}

/** Bodies that are not what they should be, and where they are sent. */
const JSONS: Readonly<Record<string, readonly [path: string, body: Body]>> = {
  "a list of events": [
    "/predictions",
    list('{"input":{"prompt":"a"},"webhook_events_filter":[', '"x"', "]}"),
  ],
  "objects in a list": ["/predictions", list('{"input":{"prompt":"a"},"a":[', "{}", "]}")],
  "a nest": ["/", text("", "[", "")],
  "a nest of objects": ["/sdapi/v1/txt2img", text("", '{"a":', "")],
  "many keys": ["/sdapi/v1/img2img", list('{"prompt":"a",', '"key":1', "}")],
  "long names": ["/predictions", names],
  "a message": ["/mcp", list('{"jsonrpc":"2.0","id":1,"params":[', "{}", "]}")],
  "escapes": ["/", text('{"inputs":"', '\\"', '"}')],
  "letters": ["/predictions", text('{"input":{"prompt":"', "é", '"}}')],
  "white space": ["/mcp", text("{", " ", "}")],
  "an image that is none": ["/", text('{"inputs":"iVBORw0KGgo', "AAAAAAAA", '"}')],
};

const part = (head: string, value: string) => `--B\r\n${head}\r\n\r\n${value}\r\n`;
const HEAD = 'content-disposition: form-data; name="a"';
const END = "--B--\r\n";

const FORMS: Readonly<Record<string, Body>> = {
  "parts of one name": text("", part(HEAD, "1"), END),
  "heads": (bytes) => part(`${HEAD}\r\n${"x: y\r\n".repeat(bytes / 6).slice(0, -2)}`, "1") + END,
  "a file like its boundary": (bytes) =>
    part(`${HEAD}; filename="x"`, "\r\n--".repeat(bytes / 4)) + END,
  "a file": (bytes) => part(`${HEAD}; filename="x"`, "\0".repeat(bytes)) + END,
  "a text": (bytes) => part(HEAD, "a".repeat(bytes)) + END,
};

interface Attack {
  readonly name: string;
  readonly path: string;
  readonly type: string;
  readonly body: Body;
}

const ATTACKS: readonly Attack[] = [
  ...Object.entries(JSONS).map(([name, [path, body]]) => ({
    name,
    path,
    type: "application/json",
    body,
  })),
  ...Object.entries(FORMS).map(([name, body]) => ({
    name,
    path: "/v1/images/edits",
    type: "multipart/form-data; boundary=B",
    body,
  })),
];

async function send(url: string, { path, type }: Attack, body: Uint8Array): Promise<number> {
  const headers = { "content-type": type, accept: "application/json, text/event-stream" };
  const init = { method: "POST", headers, body: body as Uint8Array<ArrayBuffer> };
  const response = await fetch(`${url}${path}`, init);
  await response.text();
  return response.status;
}

/** Milliseconds of work of a server for a call, at best of some times. */
async function work(
  { process }: RunningProgram,
  times: number,
  call: () => Promise<unknown>,
  timeOf = processorTime,
): Promise<number> {
  let best = Infinity;
  for (let i = 0; i < times; i++) {
    const began = await timeOf(process);
    await call();
    best = Math.min(best, await timeOf(process) - began);
  }
  return best;
}

/** The most that the thread which answers did before it answered /livez, while something else was asked. */
async function longestProbe(server: RunningProgram, meanwhile: Promise<unknown>): Promise<number> {
  let [worst, done] = [0, false];
  meanwhile.then(() => done = true);
  while (!done) {
    const probe = async () => await (await fetch(`${server.url}/livez`)).text();
    worst = Math.max(worst, await work(server, 1, probe, mainThreadTime));
  }
  await meanwhile;
  return worst;
}

describe("a body that is an attack", { ignore: Deno.build.os !== "linux" }, () => {
  it("costs about as much more as it is larger, of any kind at any door", async () => {
    await using server = await startProgram("serve", env);
    await server.alive(untilReady(server.url));
    const encoder = new TextEncoder();
    for (const attack of ATTACKS) {
      const [eighth, whole] = [1_000_000, 8_000_000].map((bytes) =>
        encoder.encode(attack.body(bytes))
      );
      const status = await server.alive(send(server.url, attack, eighth!));
      assert(status >= 400 && status < 500, `${attack.name}: ${status}`);
      const short = await work(server, 3, () => send(server.url, attack, eighth!));
      const long = await work(server, 3, () => send(server.url, attack, whole!));
      // work that grows with the square of the size would be 64 times as much; ticks are 10 ms
      assert(
        long < 12 * (short + 10) + 100,
        `${attack.name}: ${short} ms, and ${long} ms at eight times the size`,
      );
    }
  });

  it("does not keep /livez from answering, at the largest size that is read", async () => {
    await using server = await startProgram("serve", env);
    await server.alive(untilReady(server.url));
    const encoder = new TextEncoder();
    for (const attack of ATTACKS) {
      const body = encoder.encode(attack.body(31_000_000 / (attack.name === "letters" ? 2 : 1)));
      // garbage that others left is not collected in every try
      let worst = Infinity;
      for (let i = 0; i < 5 && worst >= 200; i++) {
        const answer = server.alive(send(server.url, attack, body));
        worst = Math.min(worst, await longestProbe(server, answer));
      }
      assert(worst < 200, `${attack.name}: ${worst} ms of work at best`);
    }
  });

  it("is refused when it has more parts than a form can have", async () => {
    await using server = await startProgram("serve", env);
    const form = ATTACKS.find(({ name }) => name === "parts of one name")!;
    const encoder = new TextEncoder();
    const [few, many] = [10_000, 80_000].map((parts) =>
      encoder.encode(form.body(parts * part(HEAD, "1").length))
    );
    const refuse = async (body: Uint8Array) =>
      assertEquals(await send(server.url, form, body), 413);
    await refuse(few!);
    const short = await work(server, 3, () => refuse(few!));
    const long = await work(server, 3, () => refuse(many!));
    assert(long < 12 * (short + 10), `${short} ms for 10,000 parts, ${long} ms for 80,000`);
  });
});

/** Uploads at once. */
const COUNT = 40;

describe("bodies that do not end", () => {
  it("take so much memory and no more, and give it back", async () => {
    const more = { DENOISE_UPLOAD_MEMORY_MB: "100" };
    await using server = await startProgram("serve", { ...env, ...more });
    await server.alive(untilReady(server.url));
    const { hostname, port } = new URL(server.url);
    const before = await metric(server.url, "denoise_resident_memory_bytes");
    const length = 31_000_000;
    const head = `POST /v1/images/edits HTTP/1.1\r\nhost: ${hostname}:${port}\r\n` +
      `content-type: multipart/form-data; boundary=B\r\ncontent-length: ${length}\r\n\r\n`;
    const connections: Deno.TcpConn[] = [];
    const upload = async (): Promise<string> => {
      const connection = await Deno.connect({ hostname, port: Number(port) });
      connections.push(connection);
      const writer = connection.writable.getWriter();
      await writer.write(new TextEncoder().encode(head + part(`${HEAD}; filename="x"`, "")));
      const piece = new Uint8Array(1_000_000);
      const sent = (async () => {
        for (let at = 0; at < length - 2_000_000; at += piece.length) await writer.write(piece);
      })();
      const { value } = await connection.readable.getReader().read().catch(() => ({
        value: undefined,
      }));
      await sent.catch(() => {});
      return new TextDecoder().decode(value).split("\r\n")[0]!;
    };
    const uploads = Array.from({ length: COUNT }, upload);
    const refused = uploads.map((one) =>
      one.then((line) => assert(line.includes(" 429 ") || line === "", line))
    );
    // three of 29 MB have room; the others are refused, at once
    await server.alive(atLeast(COUNT - 3, refused));
    const grown = await metric(server.url, "denoise_resident_memory_bytes") - before;
    // a server without a bound holds all of what was sent; this one a tenth, and garbage
    const sent = COUNT * length;
    assert(grown < sent / 2, `${grown / 1e6} MB more for ${sent / 1e6} MB that were sent`);
    for (const connection of connections) {
      try {
        connection.close();
      } catch {
        // the server has ended it
      }
    }
    await Promise.allSettled(refused);
    const form = new FormData();
    form.append("image", new Blob([new Uint8Array(20_000_000)]));
    form.append("prompt", "a");
    const response = await fetch(`${server.url}/v1/images/edits`, { method: "POST", body: form });
    assertEquals([response.status, (await response.json()).error.param], [400, "image"]);
  });
});

/** Resolves when so many of the promises have been fulfilled. */
function atLeast(count: number, promises: readonly Promise<unknown>[]): Promise<void> {
  return new Promise((resolve) => {
    let left = count;
    for (const promise of promises) promise.then(() => --left === 0 && resolve(), () => {});
  });
}

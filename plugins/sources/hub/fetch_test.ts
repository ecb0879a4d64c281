import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FakeTime } from "@std/testing/time";
import { DenoiseError, type DownloadProgress } from "@denoise/core";
import { fileURLToPath } from "node:url";
import { hub, prefetch } from "./mod.ts";
import {
  corrupted,
  cutAfter,
  type Fault,
  heldAfter,
  HubServer,
  inPieces,
  shortenedBy,
  silent,
  slowly,
  status,
} from "../../../tests/support/hub_server.ts";
import { ddpmRepo, stableDiffusionRepo } from "../../../tests/support/hub_repos.ts";
import { tempCache } from "../../../tests/support/temp_cache.ts";
import { until } from "../../../tests/support/until.ts";

const WEIGHTS = "diffusion_pytorch_model.safetensors";
/** The host that large files are sent to knows them by their hash. */
const LARGE = "signature";
const retry = { firstDelay: 5 };

/** A Hub with one repo and an empty cache. */
async function setUp(files = ddpmRepo(), id = "google/ddpm-cat-256") {
  const server = new HubServer();
  const cache = await tempCache();
  const commit = server.addRepo(id, files);
  const options = { endpoint: server.url, cacheDir: cache.path, retry };
  const snapshot = `${cache.path}/models--${id.replace("/", "--")}/snapshots/${commit}`;
  return {
    server,
    id,
    commit,
    options,
    snapshot,
    cache: cache.path,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await cache[Symbol.asyncDispose]();
    },
  };
}

/** Starts a process that fetches a repo and prints where it lies. */
async function startPrefetch(id: string, options: object): Promise<Deno.ChildProcess> {
  const script = `import { prefetch } from ${JSON.stringify(import.meta.resolve("./mod.ts"))};
    console.log((await prefetch(${JSON.stringify(id)}, ${JSON.stringify(options)})).path);`;
  const config = fileURLToPath(import.meta.resolve("../../../deno.json"));
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--cached-only", "--config", config, "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(script));
  await writer.close();
  return child;
}

async function visibleFiles(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder))).map((entry) => entry.name).sort();
  } catch {
    return [];
  }
}

/** How many bytes of the weights have come, while they do. */
async function atDownload(cache: string): Promise<number | undefined> {
  const blobs = `${cache}/models--google--ddpm-cat-256/blobs`;
  const parts = (await visibleFiles(blobs)).filter((name) => name.endsWith(".incomplete"));
  const sizes = parts.map((name) => Deno.stat(`${blobs}/${name}`).then(({ size }) => size));
  return Math.max(...await Promise.all(sizes.map((size) => size.catch(() => 0))));
}

describe("prefetch()", () => {
  it("brings exactly the planned files, as they are on the Hub", async () => {
    const files = stableDiffusionRepo();
    await using at = await setUp(files, "me/sd");
    const repo = await prefetch("me/sd", at.options);
    assertEquals(repo.files.length, 15);
    assertEquals(repo.commit, at.commit);
    assertEquals(repo.path, at.snapshot);
    assertEquals(repo.fetchedBytes, repo.bytes);
    for (const name of repo.files) {
      const content = files[name]!;
      const want = typeof content === "string" ? new TextEncoder().encode(content) : content;
      assertEquals(await Deno.readFile(`${repo.path}/${name}`), new Uint8Array(want));
    }
    const asked = at.server.requests.filter(({ path }) => path.includes("/resolve/"));
    assertEquals(asked.length, 15);
    assert(asked.every(({ path }) => path.includes(at.commit)), "every file of one commit");
  });

  it("asks once, for the commit, when everything is cached, and not at all for a commit", async () => {
    await using at = await setUp();
    await prefetch(at.id, at.options);
    at.server.reset();
    assertEquals((await prefetch(at.id, at.options)).fetchedBytes, 0);
    assertEquals(at.server.requests.length, 1);
    await prefetch(at.id, { ...at.options, revision: at.commit });
    assertEquals(at.server.requests.length, 1);
  });

  it("goes on where a cut connection stopped", async () => {
    await using at = await setUp();
    at.server.fail(LARGE, cutAfter(5000), 2);
    const repo = await prefetch(at.id, at.options);
    const ranges = at.server.requests.filter(({ at }) => at === "cdn")
      .map(({ headers }) => headers.get("range"));
    assertEquals(ranges, [null, "bytes=5000-", "bytes=10000-"]);
    assertEquals(repo.fetchedBytes, repo.bytes);
  });

  it("gives up after as many cuts without a byte as the policy says", async () => {
    await using at = await setUp();
    at.server.fail(LARGE, cutAfter(0));
    const error = await assertRejects(
      () => prefetch(at.id, { ...at.options, retry: { firstDelay: 1, retries: 2 } }),
      DenoiseError,
    );
    assertEquals(error.code, "source_unavailable");
    assertEquals(at.server.requests.filter(({ at }) => at === "cdn").length, 3);
  });

  it("goes on in a later run where an earlier one was stopped", async () => {
    await using at = await setUp();
    at.server.fail(LARGE, cutAfter(7000));
    const once = { ...at.options, retry: { firstDelay: 1, retries: 0 } };
    await assertRejects(() => prefetch(at.id, once), DenoiseError);
    assertEquals((await visibleFiles(at.snapshot)).includes(WEIGHTS), false);
    at.server.reset();
    await prefetch(at.id, at.options);
    const [large] = at.server.requests.filter(({ at }) => at === "cdn");
    assertEquals(large?.headers.get("range"), "bytes=7000-");
  });

  it("starts over when what an earlier run left is not of this file", async () => {
    await using at = await setUp();
    at.server.fail(LARGE, cutAfter(7000));
    const once = { ...at.options, retry: { firstDelay: 1, retries: 0 } };
    await assertRejects(() => prefetch(at.id, once), DenoiseError);
    at.server.reset();
    const blobs = `${at.cache}/models--google--ddpm-cat-256/blobs`;
    const left = (await visibleFiles(blobs)).find((name) => name.endsWith(".incomplete"))!;
    await Deno.writeFile(`${blobs}/${left}`, new Uint8Array(7000));
    await prefetch(at.id, at.options);
    assertEquals(await Deno.readFile(`${at.snapshot}/${WEIGHTS}`), ddpmRepo()[WEIGHTS]);
  });

  it("starts over when the server knows no ranges", async () => {
    await using at = await setUp();
    const whole = ddpmRepo()[WEIGHTS] as Uint8Array<ArrayBuffer>;
    at.server.fail(LARGE, cutAfter(5000), 1);
    at.server.fail(LARGE, () => new Response(whole), 1);
    await prefetch(at.id, at.options);
    assertEquals(await Deno.readFile(`${at.snapshot}/${WEIGHTS}`), whole);
  });

  const transient: [string, Fault][] = [
    ["429", status(429)],
    ["500", status(500)],
    ["503", status(503)],
    ["504", status(504)],
  ];
  for (const [name, fault] of transient) {
    it(`asks again after status ${name}, of the API and of files`, async () => {
      await using at = await setUp();
      at.server.fail("/revision/", fault, 1);
      at.server.fail("/tree/", fault, 1);
      at.server.fail("model_index.json", fault, 1);
      at.server.fail(LARGE, fault, 1);
      assertEquals((await prefetch(at.id, at.options)).files.length, 4);
    });
  }

  it("waits as long as Retry-After says", async () => {
    await using at = await setUp();
    at.server.fail("/revision/", status(429, { "retry-after": "60" }), 1);
    const asked = () => at.server.requests.filter(({ path }) => path.includes("/revision/")).length;
    using time = new FakeTime();
    const repo = prefetch(at.id, { ...at.options, timeout: 3_600_000, stall: 3_600_000 });
    await until(() => asked() === 1);
    await until(() => {
      time.tick(1_000);
      return asked() === 2;
    });
    assert(time.now - time.start >= 60_000);
    await repo;
  });

  it("does not wait for an hour though Retry-After says so", async () => {
    await using at = await setUp();
    at.server.fail("/revision/", status(429, { "retry-after": "3600" }));
    const error = await assertRejects(() => prefetch(at.id, at.options), DenoiseError, "429");
    assertEquals(error.code, "source_unavailable");
  });

  it("asks again when no answer comes in time", async () => {
    await using at = await setUp();
    const { promise, resolve } = Promise.withResolvers<void>();
    at.server.fail("/tree/", silent(promise), 1);
    const asked = () => at.server.requests.filter(({ path }) => path.includes("/tree/")).length;
    using time = new FakeTime();
    const repo = prefetch(at.id, { ...at.options, timeout: 60_000 });
    await until(() => asked() === 1);
    time.tick(60_000);
    await until(() => {
      time.tick(1); // the pause before it asks again
      return asked() === 2;
    });
    resolve();
    await repo;
  });

  it("goes on when the bytes stand still", async () => {
    await using at = await setUp();
    at.server.fail(LARGE, heldAfter(5_000), 1);
    const asked = () => at.server.requests.filter(({ at }) => at === "cdn");
    using time = new FakeTime();
    const repo = prefetch(at.id, { ...at.options, stall: 60_000, timeout: 3_600_000 });
    await until(async () => await atDownload(at.cache) === 5_000);
    time.tick(60_000);
    await until(() => {
      time.tick(1); // the pause before it asks again
      return asked().length === 2;
    });
    await repo;
    assertEquals(asked()[1]?.headers.get("range"), "bytes=5000-");
  });

  it("takes slow bytes that keep coming", async () => {
    await using at = await setUp();
    using time = new FakeTime();
    const arrived = async (bytes: number) => {
      await until(async () => await atDownload(at.cache) === bytes);
      time.tick(50_000);
    };
    at.server.fail(LARGE, inPieces(5_000, arrived));
    await prefetch(at.id, { ...at.options, stall: 60_000, timeout: 3_600_000 });
    assertEquals(at.server.requests.filter(({ at }) => at === "cdn").length, 1);
    assert(time.now - time.start >= 100_000, "the whole took longer than a pause may");
  });

  it("fetches corrupted bytes again, and never shows them", async () => {
    await using at = await setUp();
    at.server.fail(LARGE, corrupted(), 1);
    at.server.fail("scheduler_config.json", corrupted(), 1);
    await prefetch(at.id, at.options);
    assertEquals(await Deno.readFile(`${at.snapshot}/${WEIGHTS}`), ddpmRepo()[WEIGHTS]);
  });

  for (const [name, part] of [[WEIGHTS, LARGE], ["scheduler_config.json", "scheduler_config"]]) {
    it(`refuses ${name} when it is corrupted twice, and names it`, async () => {
      await using at = await setUp();
      at.server.fail(part!, corrupted());
      const error = await assertRejects(() => prefetch(at.id, at.options), DenoiseError, name);
      assertEquals(error.code, "source_unavailable");
      assert(/sha256 hash|git hash/.test(error.message));
      assertEquals((await visibleFiles(at.snapshot)).includes(name!), false);
      const folder = `${at.cache}/models--google--ddpm-cat-256/blobs`;
      const blobs = await visibleFiles(folder);
      // Other files under way are kept as far as they came; what is wrong is thrown away.
      const whole = await Promise.all(
        Object.values(ddpmRepo()).map((file) => new Response(file).bytes()),
      );
      const truth = whole.map((file) => file.toHex());
      for (const blob of blobs.filter((blob) => blob.endsWith(".incomplete"))) {
        const left = (await Deno.readFile(`${folder}/${blob}`)).toHex();
        assert(truth.some((file) => file.startsWith(left)), `${blob} is no beginning of a file`);
      }
    });
  }

  for (const [what, count] of [["short", 10], ["long", -10]] as const) {
    it(`refuses a file that is too ${what}`, async () => {
      await using at = await setUp();
      at.server.fail(LARGE, shortenedBy(count));
      const error = await assertRejects(() => prefetch(at.id, at.options), DenoiseError, WEIGHTS);
      assert(error.message.includes("lists the file with"));
      assertEquals((await visibleFiles(at.snapshot)).includes(WEIGHTS), false);
    });
  }

  it("refuses a file that never ends", async () => {
    await using at = await setUp();
    const huge = new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(1 << 16)) });
    at.server.fail(LARGE, () => new Response(huge));
    await assertRejects(() => prefetch(at.id, at.options), DenoiseError, "more bytes");
  });

  it("tells for each file and in all how far it is", async () => {
    await using at = await setUp();
    const events: DownloadProgress[] = [];
    at.server.fail(LARGE, slowly(8, 60));
    const repo = await prefetch(at.id, {
      ...at.options,
      onProgress: (event) => events.push(event),
    });
    const last = events.at(-1)!;
    assertEquals([last.bytes, last.total, last.remaining], [repo.bytes, repo.bytes, 0]);
    assert(last.rate > 0);
    const large = events.filter(({ file }) => file === WEIGHTS).map(({ fileBytes }) => fileBytes);
    assert(large.length >= 4, "more than one event for a slow file");
    assertEquals(large, large.toSorted((a, b) => a - b));
    const done = events.filter((event) => event.fileBytes === event.fileTotal);
    assertEquals(new Set(done.map(({ file }) => file)).size, done.length, "one end for each file");
    assert(events.some(({ remaining }) => remaining > 0 && Number.isFinite(remaining)));
  });

  it("stops when its signal fires, and goes on from there the next time", async () => {
    await using at = await setUp();
    at.server.fail(LARGE, slowly(50, 40));
    const stop = new AbortController();
    const error = await assertRejects(
      () =>
        prefetch(at.id, {
          ...at.options,
          signal: stop.signal,
          onProgress: ({ file, fileBytes }) => {
            if (file === WEIGHTS && fileBytes > 1000) stop.abort();
          },
        }),
      DOMException,
    );
    assertEquals(error.name, "AbortError");
    assertEquals((await visibleFiles(at.snapshot)).includes(WEIGHTS), false);
    at.server.reset();
    await prefetch(at.id, at.options);
    const [large] = at.server.requests.filter(({ at }) => at === "cdn");
    assert(/^bytes=\d+-$/.test(large?.headers.get("range") ?? ""));
  });

  it("does not begin when its signal has fired", async () => {
    await using at = await setUp();
    const signal = AbortSignal.abort();
    const error = await assertRejects(
      () => prefetch(at.id, { ...at.options, signal }),
      DOMException,
    );
    assertEquals(error.name, "AbortError");
    assertEquals(at.server.requests.length, 0);
  });

  it("checks first whether the disk has room", async () => {
    await using at = await setUp();
    const listing = [...Object.entries(ddpmRepo())].map(([path, content]) => ({
      type: "file",
      path,
      size: path === WEIGHTS ? 4e15 : content.length,
      oid: "0".repeat(40),
    }));
    listing.find(({ path }) => path === "model_index.json")!.oid = await gitHash(
      ddpmRepo()["model_index.json"] as string,
    );
    at.server.addRepo("me/huge", ddpmRepo(), { listing });
    const error = await assertRejects(() => prefetch("me/huge", at.options), DenoiseError);
    assertEquals(error.code, "disk_full");
    assert(error.message.includes("4000000.00 GB"));
  });

  it("fetches at most as many files at once as it may", async () => {
    await using at = await setUp(stableDiffusionRepo(), "me/sd");
    let now = 0;
    let most = 0;
    at.server.fail("/resolve/", async (right) => {
      most = Math.max(most, ++now);
      await until(() => most >= 3); // the first two wait for the third
      now--;
      return right;
    });
    await prefetch("me/sd", { ...at.options, concurrency: 3 });
    assertEquals(most, 3);
    await assertRejects(() => prefetch("me/sd", { ...at.options, concurrency: 0 }), RangeError);
  });

  it("downloads once though two tasks want the same repo at once", async () => {
    await using at = await setUp();
    at.server.fail(LARGE, slowly(5, 30));
    const [a, b] = await Promise.all([prefetch(at.id, at.options), prefetch(at.id, at.options)]);
    assertEquals(a.path, b.path);
    assertEquals(at.server.requests.filter(({ at }) => at === "cdn").length, 1);
  });

  it("downloads once though two processes want the same repo at once", async () => {
    await using at = await setUp();
    const { promise, resolve } = Promise.withResolvers<void>();
    at.server.fail(LARGE, heldAfter(5_000, promise));
    const children = Array.from({ length: 3 }, () => startPrefetch(at.id, at.options));
    const asked = () => at.server.requests.filter(({ path }) => path.includes("/revision/")).length;
    await until(() => asked() === 3);
    resolve();
    const outputs = await Promise.all(children.map((child) => child.then((it) => it.output())));
    for (const { stdout, stderr } of outputs) {
      assertEquals(new TextDecoder().decode(stdout).trim(), at.snapshot, decode(stderr));
    }
    assertEquals(at.server.requests.filter(({ at }) => at === "cdn").length, 1);
  });

  it("goes on after the process that fetched was killed", async () => {
    await using at = await setUp();
    at.server.fail(LARGE, heldAfter(5_000), 1);
    const child = await startPrefetch(at.id, at.options);
    await until(async () => await atDownload(at.cache) === 5_000);
    child.kill("SIGKILL");
    await child.output();
    assertEquals((await visibleFiles(at.snapshot)).includes(WEIGHTS), false);
    at.server.reset();
    await prefetch(at.id, at.options);
    const [large] = at.server.requests.filter(({ at }) => at === "cdn");
    assert(/^bytes=\d+-$/.test(large?.headers.get("range") ?? ""));
    assertEquals(await Deno.readFile(`${at.snapshot}/${WEIGHTS}`), ddpmRepo()[WEIGHTS]);
  });

  it("fetches again what is cached when it is forced to", async () => {
    await using at = await setUp();
    await prefetch(at.id, at.options);
    at.server.reset();
    const again = await prefetch(at.id, { ...at.options, forceDownload: true });
    assertEquals(again.fetchedBytes, again.bytes);
  });

  it("fetches only what a new commit changes", async () => {
    await using at = await setUp();
    await prefetch(at.id, at.options);
    const commit = at.server.addRepo(at.id, { ...ddpmRepo(), "config.json": '{"new": 1}' });
    const repo = await prefetch(at.id, at.options);
    assertEquals(repo.commit, commit);
    assertEquals(repo.fetchedBytes, '{"new": 1}'.length);
    assertEquals(await Deno.readTextFile(`${repo.path}/config.json`), '{"new": 1}');
    assertEquals(await Deno.readTextFile(`${at.snapshot}/config.json`), ddpmRepo()["config.json"]);
  });

  it("takes a branch, and a commit by its hash", async () => {
    await using at = await setUp();
    const files = { ...ddpmRepo(), "config.json": '{"branch": true}' };
    const commit = at.server.addRepo(at.id, files, { branch: "refs/pr/1" });
    const repo = await prefetch(at.id, { ...at.options, revision: "refs/pr/1" });
    assertEquals(repo.commit, commit);
    const ref = `${at.cache}/models--google--ddpm-cat-256/refs/refs/pr/1`;
    assertEquals(await Deno.readTextFile(ref), commit);
    assertEquals((await prefetch(at.id, { ...at.options, revision: at.commit })).commit, at.commit);
  });

  it("takes one component alone", async () => {
    await using at = await setUp(stableDiffusionRepo(), "me/sd");
    const repo = await prefetch("me/sd", { ...at.options, subfolder: "vae", variant: "fp16" });
    assertEquals(repo.files, ["vae/config.json", "vae/diffusion_pytorch_model.fp16.safetensors"]);
    assertEquals((await visibleFiles(repo.path)).sort(), ["vae"]);
  });

  it("follows a rename on the Hub and tells the new id", async () => {
    await using at = await setUp();
    at.server.rename("old/cat", at.id);
    assertEquals((await prefetch("old/cat", at.options)).id, at.id);
  });

  it("reads trees of many pages, empty files and names with odd letters", async () => {
    const files = {
      ...ddpmRepo(),
      "model_index.json": JSON.stringify({ _class_name: "X", "odd %20 ü": ["a", "b"] }),
      "odd %20 ü/a&b #1?.json": "",
    };
    await using at = await setUp(files, "me/odd");
    at.server.pageSize = 2;
    const repo = await prefetch("me/odd", at.options);
    assertEquals((await Deno.stat(`${repo.path}/odd %20 ü/a&b #1?.json`)).size, 0);
  });
});

describe("hub()", () => {
  it("takes ids and no paths", () => {
    const source = hub();
    for (const id of ["google/ddpm-cat-256", "gpt2"]) assert(source.accepts(id));
    for (const id of ["./cat", "/cat", "a/b/c", "C:\\cat", "a\0", "../x"]) {
      assertEquals(source.accepts(id), false);
    }
  });

  it("gives the folder of a pipeline without the components that are brought", async () => {
    await using at = await setUp(stableDiffusionRepo(), "me/sd");
    const { path, id, commit } = await hub({ retry }).fetch("me/sd", {
      ...at.options,
      want: "pipeline",
      skip: ["safety_checker"],
    });
    assertEquals([path, id, commit], [at.snapshot, "me/sd", at.commit]);
    assertEquals((await visibleFiles(path)).includes("safety_checker"), false);
  });

  it("refuses useSafetensors: false and odd variants", async () => {
    await using at = await setUp();
    const request = { ...at.options, want: "pipeline" } as const;
    const error = await assertRejects(
      () => hub().fetch(at.id, { ...request, useSafetensors: false }),
      DenoiseError,
    );
    assertEquals(error.code, "pickle_refused");
    await assertRejects(() => hub().fetch(at.id, { ...request, variant: "../x" }), TypeError);
    assertEquals(at.server.requests.length, 0);
  });
});

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

async function gitHash(text: string): Promise<string> {
  const bytes = new TextEncoder().encode(`blob ${text.length}\0${text}`);
  return new Uint8Array(await crypto.subtle.digest("SHA-1", bytes)).toHex();
}

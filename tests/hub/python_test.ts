import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { listCache, prefetch, removeFromCache, verify } from "@denoise/hub";
import { HubServer } from "../support/hub_server.ts";
import { tempCache } from "../support/temp_cache.ts";
import { turns, until } from "../support/until.ts";
import { findPython, runPython } from "./python.ts";

const python = findPython();

/** Tiny repos that diffusers saved, with what is wanted of each. */
const REPOS: [id: string, folder: string, variant: string | undefined][] = [
  ["tiny/sd", "tiny-stable-diffusion", undefined],
  ["tiny/sd-fp16", "tiny-stable-diffusion-fp16", "fp16"],
  ["tiny/flat", "tiny-ddpm-root", undefined],
  ["tiny/shards", "tiny-ddpm-sharded", undefined],
];

async function setUp() {
  const server = new HubServer();
  const commits: Record<string, string> = {};
  for (const [id, folder] of REPOS) {
    const path = new URL(`../fixtures/${folder}`, import.meta.url).pathname;
    commits[id] = await server.addFolder(id, path);
  }
  const cache = await tempCache();
  const env = { HF_ENDPOINT: server.url, HF_HUB_CACHE: cache.path, HF_TOKEN: "hf_test" };
  return {
    server,
    commits,
    cache: cache.path,
    python: <T>(commands: unknown[][], more: Record<string, string> = {}) =>
      runPython<T[]>(python!, "python_hub.py", commands, { ...env, ...more }),
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await cache[Symbol.asyncDispose]();
    },
  };
}

interface Loaded {
  readonly class: string;
  readonly models: Record<string, number>;
}

interface Scan {
  readonly warnings: string[];
  readonly repos: { id: string; bytes: number; commits: Record<string, unknown>[] }[];
}

async function scanHere(cache: string): Promise<Scan["repos"]> {
  return (await listCache({ cacheDir: cache })).map(({ id, bytes, commits }) => ({
    id,
    bytes,
    commits: commits
      .map(({ commit, refs, files, bytes }) => ({ commit, refs, files: files.toSorted(), bytes }))
      .toSorted((a, b) => a.commit < b.commit ? -1 : 1),
  }));
}

function treeOf(cache: string, id: string, commit: string): Promise<string> {
  return Deno.readTextFile(`${cache}/models--${id.replace("/", "--")}/trees/${commit}.json`);
}

describe({ name: "one cache for Python and us", ignore: python === undefined }, () => {
  for (const links of [true, false]) {
    const more: Record<string, string> = links ? {} : { HF_HUB_DISABLE_SYMLINKS: "1" };

    it(`what Python downloaded ${links ? "" : "without symlinks "}loads here offline`, async () => {
      await using at = await setUp();
      const loads = REPOS.map(([id, _, variant]) => ["load", id, at.cache, false, variant ?? null]);
      await at.python<Loaded>(loads, more);
      at.server.reset();
      for (const [id, _, variant] of REPOS) {
        const options = { cacheDir: at.cache, endpoint: at.server.url, variant };
        const repo = await prefetch(id, { ...options, localFilesOnly: true });
        assertEquals(repo.commit, at.commits[id]);
        assertEquals((await verify(id, { ...options, localFilesOnly: true })).broken, []);
      }
      assertEquals(at.server.requests.length, 0);
      for (const [id, _, variant] of REPOS) {
        const options = { cacheDir: at.cache, endpoint: at.server.url, variant };
        assertEquals((await prefetch(id, options)).fetchedBytes, 0, "and nothing is fetched again");
      }
    });
  }

  it("what we downloaded loads in Python offline, and is listed there as here", async () => {
    await using at = await setUp();
    for (const [id, _, variant] of REPOS) {
      await prefetch(id, { cacheDir: at.cache, endpoint: at.server.url, variant });
    }
    at.server.reset();
    const commands = REPOS.flatMap(([id, _, variant]) => [
      ["load", id, at.cache, true, variant ?? null],
      ["tree", id, at.cache],
    ]);
    const results = await at.python<unknown>([...commands, ["scan", at.cache]], {
      HF_HUB_OFFLINE: "1",
    });
    assertEquals(at.server.requests.length, 0);
    const loaded = results.filter((_, index) => index % 2 === 0 && index < commands.length);
    assertEquals(
      (loaded as Loaded[]).map((entry) => entry.class),
      ["StableDiffusionPipeline", "StableDiffusionPipeline", "DDPMPipeline", "DDPMPipeline"],
    );
    for (const { models } of loaded as Loaded[]) {
      assert(Object.values(models).length > 0 && Object.values(models).every((count) => count > 0));
    }
    const scan = results.at(-1) as Scan;
    assertEquals(scan.warnings, []);
    assertEquals(scan.repos, await scanHere(at.cache));
  });

  it("Python and we write the same trees, refs, blobs and links", async () => {
    await using at = await setUp();
    const mine = await tempCache();
    await using _cleanup = mine;
    await at.python<Loaded>(REPOS.map(([id, _, v]) => ["load", id, at.cache, false, v ?? null]));
    for (const [id, _, variant] of REPOS) {
      await prefetch(id, { cacheDir: mine.path, endpoint: at.server.url, variant });
      const commit = at.commits[id]!;
      assertEquals(await treeOf(mine.path, id, commit), await treeOf(at.cache, id, commit));
    }
    const skip = /safety_checker|\.locks/;
    assertEquals(
      (await entries(mine.path)).filter((line) => !skip.test(line)),
      (await entries(at.cache)).filter((line) => !skip.test(line)),
    );
  });

  it("Python lists and loads the rest after we removed a repo and a commit", async () => {
    await using at = await setUp();
    await at.python<Loaded>([["load", "tiny/flat", at.cache, false], [
      "load",
      "tiny/shards",
      at.cache,
      false,
    ]]);
    await removeFromCache("tiny/shards", { cacheDir: at.cache });
    const [scan] = await at.python<Scan>([["scan", at.cache]]);
    assertEquals(scan!.warnings, []);
    assertEquals(scan!.repos.map(({ id }) => id), ["tiny/flat"]);
  });

  it("each knows what the other found absent", async () => {
    await using at = await setUp();
    const commit = at.server.addRepo("tiny/text", { "vocab.json": "{}" });
    await prefetch("tiny/text", { cacheDir: at.cache, endpoint: at.server.url }).catch(() => {});
    assertEquals(
      await at.python<unknown>([
        ["absent", "tiny/text", "model_index.json", at.cache, commit],
        ["ask", "tiny/flat", "nothing.json", at.cache],
      ]),
      [true, "not found"],
    );
    const note = `models--tiny--flat/.no_exist/${at.commits["tiny/flat"]}/nothing.json`;
    assert((await Deno.stat(`${at.cache}/${note}`)).isFile);
  });

  it("we wait while Python holds a lock", async () => {
    await using at = await setUp();
    const commit = at.commits["tiny/flat"]!;
    await prefetch("tiny/flat", { cacheDir: at.cache, endpoint: at.server.url });
    const pointer = `${at.cache}/models--tiny--flat/snapshots/${commit}/config.json`;
    const hash = (await Deno.readLink(pointer)).split("/").at(-1);
    await Deno.remove(pointer);
    const lock = `${at.cache}/.locks/models--tiny--flat/${hash}.lock`;
    const signal = `${at.cache}/.release`;
    const holder = at.python<boolean>([["hold", lock, signal, pointer]]);
    await until(async () => !await isFree(lock));
    at.server.reset();
    const fetching = prefetch("tiny/flat", { cacheDir: at.cache, endpoint: at.server.url });
    await until(() => at.server.requests.length > 0);
    await turns(100); // in which it would not have waited
    await Deno.writeTextFile(signal, "");
    assertEquals(await holder, [false]);
    await fetching;
    assert((await Deno.lstat(pointer)).isSymlink);
  });
});

async function isFree(lock: string): Promise<boolean> {
  using file = await Deno.open(lock, { read: true, write: true });
  const free = await file.tryLock(true);
  if (free) await file.unlock();
  return free;
}

/** Every entry of a cache: a link with its target, a file with its size. */
async function entries(folder: string, prefix = ""): Promise<string[]> {
  const lines: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    const path = `${folder}/${entry.name}`;
    const name = prefix + entry.name;
    if (entry.isDirectory) lines.push(...await entries(path, `${name}/`));
    else if (entry.isSymlink) lines.push(`${name} -> ${await Deno.readLink(path)}`);
    else lines.push(`${name} ${(await Deno.stat(path)).size}`);
  }
  return lines.sort();
}

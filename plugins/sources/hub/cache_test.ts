import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DenoiseError } from "@denoise/core";
import { fileURLToPath } from "node:url";
import { listCache, prefetch, removeFromCache, verify } from "./mod.ts";
import { formatTree, parseTree } from "./tree.ts";
import { HubServer } from "../../../tests/support/hub_server.ts";
import { ddpmRepo } from "../../../tests/support/hub_repos.ts";
import { tempCache } from "../../../tests/support/temp_cache.ts";

const ID = "google/ddpm-cat-256";
const FOLDER = "models--google--ddpm-cat-256";
const WEIGHTS = "diffusion_pytorch_model.safetensors";

async function setUp() {
  const server = new HubServer();
  const cache = await tempCache();
  const commit = server.addRepo(ID, ddpmRepo());
  const options = { endpoint: server.url, cacheDir: cache.path, retry: { firstDelay: 5 } };
  return {
    server,
    commit,
    options,
    repo: `${cache.path}/${FOLDER}`,
    cache: cache.path,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await cache[Symbol.asyncDispose]();
    },
  };
}

/** Runs a script in a process of its own, with that environment and those permissions. */
async function run(script: string, env: Record<string, string>, permissions: string[] = ["-A"]) {
  const config = fileURLToPath(import.meta.resolve("../../../deno.json"));
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      ...permissions,
      "--no-prompt",
      "--no-check",
      "--cached-only",
      "--config",
      config,
      "-",
    ],
    env: { PATH: Deno.env.get("PATH") ?? "", ...env },
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  const mod = JSON.stringify(import.meta.resolve("./mod.ts"));
  await writer.write(new TextEncoder().encode(`import * as hub from ${mod};\n${script}`));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  return { code, stdout: decode(stdout), stderr: decode(stderr) };
}

/** Where Deno keeps npm packages, so that a process with another home finds them. */
async function denoDir(): Promise<Record<string, string>> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return { DENO_DIR: JSON.parse(new TextDecoder().decode(stdout)).denoDir };
}

describe("the cache", () => {
  it("has the layout of huggingface_hub", async () => {
    await using at = await setUp();
    await prefetch(ID, at.options);
    assertEquals(await Deno.readTextFile(`${at.repo}/refs/main`), at.commit);
    const link = await Deno.readLink(`${at.repo}/snapshots/${at.commit}/${WEIGHTS}`);
    assert(/^\.\.\/\.\.\/blobs\/[0-9a-f]{64}$/.test(link), link);
    const small = await Deno.readLink(`${at.repo}/snapshots/${at.commit}/config.json`);
    assert(/^\.\.\/\.\.\/blobs\/[0-9a-f]{40}$/.test(small), small);
    const hash = link.split("/").at(-1);
    assert((await Deno.stat(`${at.cache}/.locks/${FOLDER}/${hash}.lock`)).isFile);
    assert((await Deno.readTextFile(`${at.cache}/CACHEDIR.TAG`)).startsWith("Signature: 8a477f59"));
    const tree = JSON.parse(await Deno.readTextFile(`${at.repo}/trees/${at.commit}.json`));
    assertEquals(tree.format_version, 1);
    assertEquals(Object.keys(tree.files).length, Object.keys(ddpmRepo()).length);
    assertEquals(tree.files[WEIGHTS].lfs_sha256, hash);
  });

  it("notes that a commit has no model_index.json", async () => {
    await using at = await setUp();
    const commit = at.server.addRepo("me/text", { "vocab.json": "{}" });
    await assertRejects(() => prefetch("me/text", at.options), DenoiseError);
    const note = `${at.cache}/models--me--text/.no_exist/${commit}/model_index.json`;
    assertEquals((await Deno.stat(note)).size, 0);
  });

  it("holds files in place of links with HF_HUB_DISABLE_SYMLINKS, and loads them offline", async () => {
    await using at = await setUp();
    const env = { ...await denoDir(), HF_HUB_DISABLE_SYMLINKS: "1", HOME: at.cache };
    const options = JSON.stringify(at.options);
    const { stdout, stderr } = await run(
      `console.log((await hub.prefetch("${ID}", ${options})).path)`,
      env,
    );
    assertEquals(stdout, `${at.repo}/snapshots/${at.commit}`, stderr);
    assert((await Deno.lstat(`${stdout}/${WEIGHTS}`)).isFile);
    const again = await prefetch(ID, { ...at.options, localFilesOnly: true });
    assertEquals(again.fetchedBytes, 0);
  });

  const places: [string, Record<string, string>, string][] = [
    ["HF_HUB_CACHE", { HF_HUB_CACHE: "$BASE/hub-cache", HF_HOME: "$BASE/no" }, "hub-cache"],
    ["HUGGINGFACE_HUB_CACHE", { HUGGINGFACE_HUB_CACHE: "$BASE/old" }, "old"],
    ["HF_HOME", { HF_HOME: "$BASE/hf", XDG_CACHE_HOME: "$BASE/no" }, "hf/hub"],
    ["HF_HOME with ~", { HF_HOME: "~/hf" }, "hf/hub"],
    ["HF_HOME with a variable", { HF_HOME: "${HOME}/v" }, "v/hub"],
    ["XDG_CACHE_HOME", { XDG_CACHE_HOME: "$BASE/xdg" }, "xdg/huggingface/hub"],
    ["the home folder", {}, ".cache/huggingface/hub"],
  ];
  it("lies where the environment says", async () => {
    await using at = await setUp();
    const deno = await denoDir();
    await Promise.all(places.map(async ([name, variables, place]) => {
      const base = await Deno.makeTempDir({ dir: at.cache });
      const env = Object.fromEntries(
        Object.entries(variables).map(([key, value]) => [key, value.replace("$BASE", base)]),
      );
      const { stdout, stderr } = await run(
        `console.log((await hub.prefetch("${ID}", { subfolder: "" })).path)`,
        { ...deno, HOME: base, HF_ENDPOINT: at.server.url, ...env },
      );
      assertEquals(stdout, `${base}/${place}/${FOLDER}/snapshots/${at.commit}`, name + stderr);
    }));
  });

  it("finds the token as huggingface_hub does", async () => {
    await using at = await setUp();
    at.server.addRepo("me/private", ddpmRepo(), { token: "hf_right" });
    const home = await Deno.makeTempDir({ dir: at.cache });
    await Deno.mkdir(`${home}/.cache/huggingface`, { recursive: true });
    await Deno.writeTextFile(`${home}/.cache/huggingface/token`, "hf_right\n");
    await Deno.writeTextFile(`${home}/elsewhere`, "hf_right");
    const base = { ...await denoDir(), HOME: home, HF_ENDPOINT: at.server.url };
    const script = `console.log((await hub.prefetch("me/private", { revision: "main" })).id)`;
    const cases: [Record<string, string>, boolean][] = [
      [{}, true],
      [{ HF_TOKEN: "hf_right", HF_TOKEN_PATH: "/nowhere" }, true],
      [{ HUGGING_FACE_HUB_TOKEN: "hf_right", HF_TOKEN_PATH: "/nowhere" }, true],
      [{ HF_TOKEN: "hf_wrong" }, false],
      [{ HF_TOKEN_PATH: "/nowhere" }, false],
      [{ HF_TOKEN_PATH: `${home}/elsewhere` }, true],
      [{ HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" }, false],
    ];
    for (const [env, works] of cases) {
      const cacheDir = await Deno.makeTempDir({ dir: at.cache });
      const { stdout, stderr } = await run(script, { ...base, HF_HUB_CACHE: cacheDir, ...env });
      assertEquals(stdout === "me/private", works, JSON.stringify(env) + stderr);
      assert(!stderr.includes("hf_right"));
    }
  });
});

describe("offline", () => {
  const offline: [string, Record<string, string>, string, string[]][] = [
    ["localFilesOnly", {}, "localFilesOnly: true", ["--deny-net"]],
    ["HF_HUB_OFFLINE", { HF_HUB_OFFLINE: "1" }, "", ["--deny-net"]],
    ["TRANSFORMERS_OFFLINE", { TRANSFORMERS_OFFLINE: "yes" }, "", ["--deny-net"]],
    ["no network", {}, "", ["--deny-net"]],
    ["no network and a commit", {}, "revision: COMMIT", ["--deny-net"]],
  ];
  it("loads a cached repo without a request, with no permission for the network", async () => {
    await using at = await setUp();
    await prefetch(ID, at.options);
    at.server.reset();
    const deno = await denoDir();
    await Promise.all(offline.map(async ([name, env, option, denied]) => {
      const script = `const COMMIT = "${at.commit}";
        const { path } = await hub.prefetch("${ID}", { ${option} });
        console.log(path, (await Deno.stat(path + "/${WEIGHTS}")).size);`;
      const { stdout, stderr } = await run(
        script,
        { ...deno, HF_HUB_CACHE: at.cache, HF_ENDPOINT: at.server.url, HOME: at.cache, ...env },
        [`--allow-read`, "--allow-env", ...denied],
      );
      const size = (ddpmRepo()[WEIGHTS] as Uint8Array).length;
      assertEquals(stdout, `${at.repo}/snapshots/${at.commit} ${size}`, name + stderr);
    }));
    assertEquals(at.server.requests.length, 0);
  });

  it("warns and loads the cached commit when the Hub does not answer or fails", async () => {
    await using at = await setUp();
    await prefetch(ID, at.options);
    const endpoints: [string, number | undefined][] = [
      ["http://127.0.0.1:9", undefined],
      [at.server.url, 503],
    ];
    at.server.fail("/api/", () => new Response(null, { status: 503 }));
    for (const [endpoint] of endpoints) {
      const warnings: string[] = [];
      const repo = await prefetch(ID, {
        endpoint,
        cacheDir: at.cache,
        onWarning: (text) => warnings.push(text),
      });
      assertEquals(repo.commit, at.commit);
      assert(warnings[0]!.startsWith("Couldn't connect to the Hub"), warnings[0]);
      assert(warnings[0]!.endsWith("Will try to load from local cache."));
    }
  });

  it("does not take the cache for a fetch that is forced", async () => {
    await using at = await setUp();
    await prefetch(ID, at.options);
    const forced = { ...at.options, forceDownload: true };
    for (const how of [{ localFilesOnly: true }, { endpoint: "http://127.0.0.1:9" }]) {
      const error = await assertRejects(
        () => prefetch(ID, { ...forced, ...how, onWarning() {} }),
        DenoiseError,
        "as forceDownload asks",
      );
      assertEquals(error.code, "source_unavailable");
    }
  });

  it("names what is missing of a repo that is cached in part", async () => {
    await using at = await setUp();
    await prefetch(ID, at.options);
    await Deno.remove(`${at.repo}/snapshots/${at.commit}/${WEIGHTS}`);
    const error = await assertRejects(
      () => prefetch(ID, { ...at.options, localFilesOnly: true }),
      DenoiseError,
      WEIGHTS,
    );
    assertEquals(error.code, "missing_file");
    assert(error.message.includes("not fully in the cache"));
  });

  it("says that a repo is not cached at all, and asks nobody", async () => {
    await using at = await setUp();
    const error = await assertRejects(
      () => prefetch("me/none", { ...at.options, localFilesOnly: true }),
      DenoiseError,
      "is not in the cache",
    );
    assertEquals(error.code, "missing_file");
    assertEquals(at.server.requests.length, 0);
  });

  it("loads a cache of an older huggingface_hub, which noted no trees", async () => {
    await using at = await setUp();
    await prefetch(ID, at.options);
    await Deno.remove(`${at.repo}/trees`, { recursive: true });
    const repo = await prefetch(ID, { ...at.options, localFilesOnly: true });
    assertEquals(repo.files.length, 4);
  });

  it("reads a cache that may not be written", async () => {
    await using at = await setUp();
    await prefetch(ID, at.options);
    await Deno.remove(`${at.repo}/trees`, { recursive: true });
    await Deno.remove(`${at.repo}/refs`, { recursive: true });
    const { stdout, stderr } = await run(
      `console.log((await hub.prefetch("${ID}", ${JSON.stringify(at.options)})).commit)`,
      { ...await denoDir(), HOME: at.cache },
      ["--allow-read", "--allow-env", "--allow-net"],
    );
    assertEquals(stdout, at.commit, stderr);
  });
});

describe("verify()", () => {
  it("finds nothing wrong with what was fetched", async () => {
    await using at = await setUp();
    const { bytes } = await prefetch(ID, at.options);
    at.server.reset();
    const report = await verify(ID, at.options);
    assertEquals(report, { id: ID, commit: at.commit, files: 4, bytes, broken: [] });
    assertEquals(at.server.requests.length, 0);
  });

  async function breakAll(snapshot: string) {
    const weights = await Deno.realPath(`${snapshot}/${WEIGHTS}`);
    const bytes = await Deno.readFile(weights);
    bytes[100]! ^= 1;
    await Deno.writeFile(weights, bytes);
    await Deno.writeTextFile(await Deno.realPath(`${snapshot}/config.json`), "{");
    await Deno.remove(await Deno.realPath(`${snapshot}/scheduler_config.json`));
  }

  it("names what is broken, and mends it", async () => {
    await using at = await setUp();
    const { path } = await prefetch(ID, at.options);
    await breakAll(path);
    const { broken } = await verify(ID, at.options);
    assertEquals(broken, [
      { file: "config.json", problem: "size", mended: true },
      { file: WEIGHTS, problem: "content", mended: true },
      { file: "scheduler_config.json", problem: "missing", mended: true },
    ]);
    assertEquals((await verify(ID, at.options)).broken, []);
    assertEquals(await Deno.readFile(`${path}/${WEIGHTS}`), ddpmRepo()[WEIGHTS]);
  });

  it("names what is broken and leaves it where it may not mend", async () => {
    await using at = await setUp();
    const { path } = await prefetch(ID, at.options);
    await breakAll(path);
    at.server.reset();
    for (const how of [{ mend: false }, { localFilesOnly: true }]) {
      const { broken } = await verify(ID, { ...at.options, ...how });
      assertEquals(broken.map(({ mended }) => mended), [false, false, false]);
    }
    assertEquals(at.server.requests.length, 0);
  });

  it("tells by the names of blobs where no listing is at hand, or asks for one", async () => {
    await using at = await setUp();
    const { path } = await prefetch(ID, at.options);
    await Deno.remove(`${at.repo}/trees`, { recursive: true });
    const offline = { ...at.options, localFilesOnly: true };
    assertEquals((await verify(ID, offline)).broken, []);
    await Deno.writeTextFile(await Deno.realPath(`${path}/${WEIGHTS}`), "other");
    assertEquals((await verify(ID, offline)).broken, [
      { file: WEIGHTS, problem: "content", mended: false },
    ]);
    assertEquals((await verify(ID, at.options)).broken, [
      { file: WEIGHTS, problem: "size", mended: true },
    ]);
  });

  it("names what is broken though the Hub does not give it", async () => {
    await using at = await setUp();
    const { path } = await prefetch(ID, at.options);
    await breakAll(path);
    at.server.fail("/resolve/", () => new Response(null, { status: 404 }));
    const warnings: string[] = [];
    const onWarning = (text: string) => warnings.push(text);
    const { broken } = await verify(ID, { ...at.options, onWarning });
    assertEquals(broken.map(({ mended }) => mended), [false, false, false]);
    assert(warnings[0]!.startsWith("Could not mend config.json"));
  });

  it("says that a repo is not cached", async () => {
    await using at = await setUp();
    await assertRejects(() => verify("me/none", at.options), DenoiseError, "is not in the cache");
  });
});

describe("a file of the wrong size in the cache", () => {
  it("is fetched again by a load, and refused offline", async () => {
    await using at = await setUp();
    const { path } = await prefetch(ID, at.options);
    await Deno.truncate(await Deno.realPath(`${path}/${WEIGHTS}`), 10);
    await assertRejects(
      () => prefetch(ID, { ...at.options, localFilesOnly: true }),
      DenoiseError,
      "of the wrong size",
    );
    await prefetch(ID, at.options);
    assertEquals(await Deno.readFile(`${path}/${WEIGHTS}`), ddpmRepo()[WEIGHTS]);
  });
});

describe("listCache() and removeFromCache()", () => {
  it("list repos, commits and sizes, contents that commits share counted once", async () => {
    await using at = await setUp();
    assertEquals(await listCache(at.options), []);
    const first = await prefetch(ID, at.options);
    const changed = { ...ddpmRepo(), "config.json": '{"new": 1}' };
    const second = await prefetch(ID, {
      ...at.options,
      revision: (at.server.addRepo(ID, changed, { branch: "dev" }), "dev"),
    });
    at.server.addRepo("me/other--thing".replace("--", "-"), ddpmRepo());
    await prefetch("me/other-thing", at.options);
    const [repo, other] = await listCache(at.options);
    assertEquals([repo!.id, other!.id], [ID, "me/other-thing"]);
    assertEquals(repo!.path, at.repo);
    assertEquals(repo!.bytes, first.bytes + '{"new": 1}'.length);
    const byCommit = Object.fromEntries(repo!.commits.map((entry) => [entry.commit, entry]));
    assertEquals(byCommit[first.commit!]!.refs, ["main"]);
    assertEquals(byCommit[second.commit!]!.refs, ["dev"]);
    assertEquals(byCommit[first.commit!]!.files, first.files);
    assert(repo!.modified instanceof Date);
  });

  it("remove one commit and keep what others show", async () => {
    await using at = await setUp();
    const first = await prefetch(ID, at.options);
    at.server.addRepo(ID, { ...ddpmRepo(), "config.json": '{"new": 1}' }, { branch: "dev" });
    await prefetch(ID, { ...at.options, revision: "dev" });
    const freed = await removeFromCache(ID, { ...at.options, revision: "dev" });
    assertEquals(freed, '{"new": 1}'.length);
    const [repo] = await listCache(at.options);
    assertEquals(repo!.commits.map(({ commit }) => commit), [first.commit]);
    assertEquals((await verify(ID, at.options)).broken, []);
    await prefetch(ID, { ...at.options, localFilesOnly: true });
  });

  it("remove a whole repo", async () => {
    await using at = await setUp();
    const { bytes } = await prefetch(ID, at.options);
    assertEquals(await removeFromCache(ID, at.options), bytes);
    assertEquals(await listCache(at.options), []);
  });

  it("remove contents that repos share with the last repo that shows them", async () => {
    await using at = await setUp();
    at.server.addRepo("me/other", ddpmRepo());
    await prefetch(ID, at.options);
    await prefetch("me/other", at.options);
    // as huggingface_hub 2.x keeps what it got by Xet
    const store = `${at.cache}/blobs/ab/${"ab".repeat(32)}`;
    await Deno.mkdir(`${at.cache}/blobs/ab`, { recursive: true });
    const references: string[] = [];
    for (const folder of [FOLDER, "models--me--other"]) {
      const snapshots = `${at.cache}/${folder}/snapshots`;
      const [commit] = (await Array.fromAsync(Deno.readDir(snapshots))).map(({ name }) => name);
      const blob = await Deno.realPath(`${snapshots}/${commit}/${WEIGHTS}`);
      await Deno.rename(blob, store);
      await Deno.symlink(`../../blobs/ab/${"ab".repeat(32)}`, blob);
      references.push(blob.slice((await Deno.realPath(at.cache)).length + 1));
    }
    await Deno.writeTextFile(`${store}.refs`, references.join("\n") + "\n");
    const size = (await Deno.stat(store)).size;
    assertEquals((await verify(ID, at.options)).broken, []);
    const { bytes } = await prefetch(ID, { ...at.options, localFilesOnly: true });

    assertEquals(await removeFromCache(ID, at.options), bytes - size);
    assert((await Deno.stat(store)).isFile);
    assertEquals((await verify("me/other", at.options)).broken, []);
    assertEquals(await removeFromCache("me/other", at.options), bytes);
    await assertRejects(() => Deno.stat(store), Deno.errors.NotFound);
  });

  it("say what there is when there is no such repo or revision", async () => {
    await using at = await setUp();
    await prefetch(ID, at.options);
    await assertRejects(() => removeFromCache("me/none", at.options), DenoiseError, `has ${ID}`);
    await assertRejects(
      () => removeFromCache(ID, { ...at.options, revision: "v9" }),
      DenoiseError,
      at.commit,
    );
    await assertRejects(() => removeFromCache("../x", at.options), TypeError);
  });
});

describe("trees", () => {
  it("are read as they are written, and not when they are damaged", () => {
    const files = [
      { path: "ü\u{1f600}.json", size: 1, blobId: "a".repeat(40), sha256: undefined },
      {
        path: "b",
        size: 2,
        blobId: "b".repeat(40),
        sha256: "c".repeat(64),
        xetHash: "d".repeat(64),
      },
    ];
    const text = formatTree(files);
    assert(/^[\x20-\x7e\n]+$/.test(text), "Python writes ASCII");
    const byName = (list: readonly { path: string }[] | undefined) =>
      list?.toSorted((a, b) => a.path < b.path ? -1 : 1);
    assertEquals(
      byName(parseTree(text, "x"))?.map((file) => ({ xetHash: undefined, ...file })),
      byName(files)?.map((file) => ({ xetHash: undefined, ...file })),
    );
    for (
      const bad of ["", "{", "[]", "null", '{"format_version": 2, "files": {}}', "{}"]
        .concat(text.replace('"b"', '"../b"'), text.replace("aaaa", "../a"))
    ) {
      assertEquals(parseTree(bad, "x"), undefined);
    }
  });
});

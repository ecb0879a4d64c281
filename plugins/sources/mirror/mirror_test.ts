import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DenoiseError, Registry } from "@denoise/core";
import { prefetch, verify } from "@denoise/hub";
import { AwsV4Signer } from "aws4fetch";
import { S3rver } from "../../../tests/support/s3_server.ts";
import { dirname } from "node:path";
import { mirror } from "./mod.ts";
import { filesBelow } from "../../../tests/support/folder.ts";
import { FolderServer } from "../../../tests/support/folder_server.ts";
import { HubServer } from "../../../tests/support/hub_server.ts";
import { ddpmRepo, stableDiffusionRepo } from "../../../tests/support/hub_repos.ts";
import { tempCache } from "../../../tests/support/temp_cache.ts";

const ID = "google/ddpm-cat-256";
const WEIGHTS = "diffusion_pytorch_model.safetensors";
const retry = { firstDelay: 5, retries: 1 };
const request = { want: "pipeline" } as const;

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

function bytesOf(content: string | Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return typeof content === "string" ? new TextEncoder().encode(content) : content;
}

/** Writes a repo as a plain folder with its SHA256SUMS. */
async function writePlain(folder: string, files = ddpmRepo(), sums = true): Promise<void> {
  const lines: string[] = [];
  for (const [name, content] of Object.entries(files)) {
    const path = `${folder}/${ID}/${name}`;
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeFile(path, bytesOf(content));
    lines.push(`${await sha256(bytesOf(content))}  ./${name}`);
  }
  if (sums) await Deno.writeTextFile(`${folder}/${ID}/SHA256SUMS`, lines.join("\n") + "\n");
}

/** Fills a cache from a Hub, as the copy that a mirror is. */
async function writeCopy(folder: string): Promise<string> {
  await using server = new HubServer();
  const commit = server.addRepo(ID, ddpmRepo());
  await prefetch(ID, { endpoint: server.url, cacheDir: folder });
  return commit;
}

/** An S3 server with the files of a folder in the bucket `models`, below a prefix. */
async function startS3(folder: string, prefix: string) {
  const directory = await Deno.makeTempDir();
  const server = new S3rver({
    address: "127.0.0.1",
    port: 0,
    silent: true,
    directory,
    configureBuckets: [{ name: "models", configs: [] }],
  });
  const { port } = await server.run();
  const endpoint = `http://127.0.0.1:${port}`;
  const credentials = { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" };
  for (const name of await filesBelow(folder)) {
    const body = await Deno.readFile(`${folder}/${name}`);
    const key = `${prefix}/${name}`.split("/").map(encodeURIComponent).join("/");
    const signed = await new AwsV4Signer({
      ...credentials,
      method: "PUT",
      url: `${endpoint}/models/${key}`,
      body,
      service: "s3",
      region: "us-east-1",
    }).sign();
    const response = await fetch(signed.url, { method: "PUT", headers: signed.headers, body });
    assertEquals(response.status, 200, await response.text());
  }
  return {
    options: { url: `s3://models/${prefix}`, s3: { endpoint, credentials }, retry },
    [Symbol.asyncDispose]: async () => {
      const closed = server.close();
      // it would wait for connections that fetch keeps open
      server.httpServer.closeAllConnections();
      await closed;
      await Deno.remove(directory, { recursive: true });
    },
  };
}

async function assertRepo(path: string, files = ddpmRepo()): Promise<void> {
  for (const name of ["config.json", "model_index.json", "scheduler_config.json", WEIGHTS]) {
    assertEquals(await Deno.readFile(`${path}/${name}`), new Uint8Array(bytesOf(files[name]!)));
  }
}

describe("mirror() of a web folder", () => {
  it("loads from a copy of the Hub cache: the same commit, the same cache, checked", async () => {
    await using there = await tempCache();
    await using here = await tempCache();
    const commit = await writeCopy(there.path);
    await using server = new FolderServer(there.path);
    const source = mirror({ url: server.url, retry });
    const folder = await source.fetch(ID, { ...request, cacheDir: here.path });
    assertEquals(folder.commit, commit);
    await assertRepo(folder.path);
    assertEquals((await verify(ID, { cacheDir: here.path, localFilesOnly: true })).broken, []);
    const offline = await source.fetch(ID, {
      ...request,
      cacheDir: here.path,
      localFilesOnly: true,
    });
    assertEquals(offline.path, folder.path);
  });

  it("loads from a plain folder with SHA256SUMS", async () => {
    await using there = await tempCache();
    await using here = await tempCache();
    await writePlain(`${there.path}/deep/er`);
    await using server = new FolderServer(there.path);
    const source = mirror({ url: `${server.url}/deep/er/`, retry });
    const folder = await source.fetch(ID, { ...request, cacheDir: here.path });
    await assertRepo(folder.path);
    const again = await source.fetch(ID, { ...request, cacheDir: here.path });
    assertEquals(again.path, folder.path);
  });

  it("sees that a plain folder has changed", async () => {
    await using there = await tempCache();
    await using here = await tempCache();
    await writePlain(there.path);
    await using server = new FolderServer(there.path);
    const source = mirror({ url: server.url, retry });
    const first = await source.fetch(ID, { ...request, cacheDir: here.path });
    const changed = { ...ddpmRepo(), "config.json": '{"new": true}' };
    await writePlain(there.path, changed);
    const second = await source.fetch(ID, { ...request, cacheDir: here.path });
    assert(first.commit !== second.commit);
    await assertRepo(second.path, changed);
    await assertRepo(first.path);
  });

  it("refuses what does not hash to what is listed", async () => {
    await using there = await tempCache();
    await using here = await tempCache();
    await writePlain(there.path);
    const bytes = bytesOf(ddpmRepo()[WEIGHTS]!);
    bytes[50]! ^= 1;
    await Deno.writeFile(`${there.path}/${ID}/${WEIGHTS}`, bytes);
    await using server = new FolderServer(there.path);
    const error = await assertRejects(
      () => mirror({ url: server.url, retry }).fetch(ID, { ...request, cacheDir: here.path }),
      DenoiseError,
      WEIGHTS,
    );
    assert(error.message.includes("sha256 hash"));
  });

  for (const line of ["../../evil", "/etc/evil", "a\\b", "C:/evil"]) {
    it(`refuses a listing with ${line}`, async () => {
      await using there = await tempCache();
      await using here = await tempCache();
      await writePlain(there.path);
      const sums = `${"0".repeat(64)}  ${line}\n`;
      await Deno.writeTextFile(`${there.path}/${ID}/SHA256SUMS`, sums, { append: true });
      await using server = new FolderServer(there.path);
      await assertRejects(
        () => mirror({ url: server.url, retry }).fetch(ID, { ...request, cacheDir: here.path }),
        DenoiseError,
        "Refused to load",
      );
    });
  }

  it("says what it looked for when it has no such repo or revision", async () => {
    await using there = await tempCache();
    await writePlain(there.path);
    await using server = new FolderServer(there.path);
    const source = mirror({ url: server.url, retry });
    const at = { ...request, cacheDir: there.path };
    await assertRejects(() => source.fetch("me/none", at), DenoiseError, "with its SHA256SUMS");
    await assertRejects(
      () => source.fetch(ID, { ...at, revision: "v2" }),
      DenoiseError,
      'only has the revision "main"',
    );
  });

  it("sends its token to the mirror", async () => {
    await using there = await tempCache();
    await using here = await tempCache();
    await writePlain(there.path);
    await using server = new FolderServer(there.path, "secret");
    const at = { ...request, cacheDir: here.path };
    const folder = await mirror({ url: server.url, token: "secret", retry }).fetch(ID, at);
    await assertRepo(folder.path);
    const error = await assertRejects(
      () => mirror({ url: server.url, token: "wrong", retry }).fetch("me/other", at),
      DenoiseError,
      "401",
    );
    assert(!error.message.includes("wrong"));
  });
});

describe("mirror() of a bucket", () => {
  it("loads from a copy of the Hub cache", async () => {
    await using there = await tempCache();
    await using here = await tempCache();
    const commit = await writeCopy(there.path);
    await using server = await startS3(there.path, "some/prefix");
    const folder = await mirror(server.options).fetch(ID, { ...request, cacheDir: here.path });
    assertEquals(folder.commit, commit);
    await assertRepo(folder.path);
  });

  for (const sums of [true, false]) {
    it(`loads from a plain folder ${sums ? "with" : "without"} SHA256SUMS`, async () => {
      await using there = await tempCache();
      await using here = await tempCache();
      await writePlain(there.path, ddpmRepo(), sums);
      await using server = await startS3(there.path, "flat");
      const source = mirror(server.options);
      const folder = await source.fetch(ID, { ...request, cacheDir: here.path });
      await assertRepo(folder.path);
      const blob = (await Deno.readLink(`${folder.path}/${WEIGHTS}`)).split("/").at(-1)!;
      assertEquals(blob.length, sums ? 64 : 32);
      await source.fetch(ID, { ...request, cacheDir: here.path });
    });
  }

  it("loads a part of a larger repo, names with blanks included", async () => {
    await using there = await tempCache();
    await using here = await tempCache();
    const files = { ...stableDiffusionRepo(), "tokenizer/a b+c.txt": "x" };
    await writePlain(there.path, files);
    await using server = await startS3(there.path, "sd");
    const folder = await mirror(server.options).fetch(ID, {
      ...request,
      skip: ["safety_checker"],
      cacheDir: here.path,
    });
    assertEquals((await filesBelow(folder.path)).length, 14);
    assertEquals(await Deno.readTextFile(`${folder.path}/tokenizer/a b+c.txt`), "x");
  });

  it("says that it has no such repo", async () => {
    await using there = await tempCache();
    await using server = await startS3(there.path, "empty");
    await assertRejects(
      () => mirror(server.options).fetch(ID, { ...request, cacheDir: there.path }),
      DenoiseError,
      "the mirror s3://models/empty has neither",
    );
  });
});

describe("mirror()", () => {
  it("takes repo ids while its address is known, so that it stands before the Hub", () => {
    assertEquals(mirror({ url: "s3://models" }).accepts(ID), true);
    assertEquals(mirror({ url: "s3://models" }).accepts("./cat"), false);
    const registry = new Registry({ sources: [mirror({ url: "https://a.b/c" })] });
    assertEquals(registry.sourceFor(ID)?.name, "mirror");
  });

  for (const url of ["models", "ftp://a.b", "https://u:p@a.b", "s3://", "file:///models", ""]) {
    it(`refuses the address ${JSON.stringify(url)}`, async () => {
      await assertRejects(() => mirror({ url }).fetch(ID, request), TypeError, "Cannot use");
    });
  }

  it("refuses ids that are none", async () => {
    await assertRejects(
      () => mirror({ url: "s3://models" }).fetch("a/../b", request),
      TypeError,
      "Cannot load",
    );
  });
});

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { downloadFile, listFiles, modelInfo, snapshotDownload } from "@huggingface/hub";
import { prefetch, verify } from "./mod.ts";
import { HubServer, status } from "../../../tests/support/hub_server.ts";
import { ddpmRepo } from "../../../tests/support/hub_repos.ts";
import { tempCache } from "../../../tests/support/temp_cache.ts";

const ID = "google/ddpm-cat-256";
const WEIGHTS = "diffusion_pytorch_model.safetensors";

describe("HubServer", () => {
  it("speaks to npm's client, whose cache loads here offline", async () => {
    await using server = new HubServer();
    await using cache = await tempCache();
    const commit = server.addRepo(ID, ddpmRepo());
    server.pageSize = 3;
    const at = { hubUrl: server.url };
    const info = await modelInfo({ name: ID, additionalFields: ["sha"], revision: "main", ...at });
    assertEquals(info.sha, commit);
    const entries = await Array.fromAsync(listFiles({ repo: ID, recursive: true, ...at }));
    assertEquals(
      entries.filter(({ type }) => type === "file").map(({ path }) => path).sort(),
      Object.keys(ddpmRepo()).sort(),
    );
    const blob = await downloadFile({ repo: ID, path: WEIGHTS, ...at });
    assertEquals(new Uint8Array(await blob!.arrayBuffer()), ddpmRepo()[WEIGHTS]);

    await snapshotDownload({ repo: ID, cacheDir: cache.path, ...at });
    server.reset();
    const options = { cacheDir: cache.path, endpoint: server.url, localFilesOnly: true };
    const repo = await prefetch(ID, options);
    assertEquals([repo.commit, repo.files.length], [commit, 4]);
    assertEquals((await verify(ID, options)).broken, []);
    assertEquals(server.requests.length, 0);
  });

  it("answers about files as the Hub does", async () => {
    await using server = new HubServer();
    const commit = server.addRepo(ID, ddpmRepo());
    const ask = async (path: string, init: RequestInit = {}) => {
      const response = await fetch(server.url + path, { redirect: "manual", ...init });
      await response.body?.cancel();
      return response;
    };
    const small = await ask(`/${ID}/resolve/main/config.json`, { method: "HEAD" });
    assertEquals(small.status, 200);
    assertEquals(small.headers.get("x-repo-commit"), commit);
    assertEquals(small.headers.get("content-length"), `${ddpmRepo()["config.json"]!.length}`);
    const etag = small.headers.get("etag")!;
    assert(/^"[0-9a-f]{40}"$/.test(etag));
    const same = await ask(`/${ID}/resolve/main/config.json`, {
      headers: { "if-none-match": etag },
    });
    assertEquals(same.status, 304);

    const large = await ask(`/${ID}/resolve/main/${WEIGHTS}`, { method: "HEAD" });
    assertEquals(large.status, 302);
    assertEquals(large.headers.get("x-linked-size"), `${ddpmRepo()[WEIGHTS]!.length}`);
    assert(/^"[0-9a-f]{64}"$/.test(large.headers.get("x-linked-etag")!));
    assert(new URL(large.headers.get("location")!).origin !== server.url);

    const range = (value: string) =>
      ask(`/${ID}/resolve/main/config.json`, { headers: { range: value } });
    const part = await range("bytes=1-3");
    assertEquals([part.status, part.headers.get("content-length")], [206, "3"]);
    assertEquals((await range("bytes=999-")).status, 416);
    assertEquals((await ask(`/${ID}/resolve/main/none`)).status, 404);
    assertEquals(
      (await ask(`/${ID}/resolve/v9/config.json`)).headers.get("x-error-code"),
      "RevisionNotFound",
    );
    assertEquals((await ask("/api/models/me/none")).status, 401);
    assertEquals((await ask("/elsewhere")).status, 404);
  });

  it("fails as often as it is asked to, then works again", async () => {
    await using server = new HubServer();
    server.addRepo(ID, ddpmRepo());
    server.fail("/api/", status(500), 2);
    const codes: number[] = [];
    for (let turn = 0; turn < 3; turn++) {
      const response = await fetch(`${server.url}/api/models/${ID}`);
      await response.body?.cancel();
      codes.push(response.status);
    }
    assertEquals(codes, [500, 500, 200]);
  });
});

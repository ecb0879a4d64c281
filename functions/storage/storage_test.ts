import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FakeTime } from "@std/testing/time";
import { S3rver } from "../../tests/support/s3_server.ts";
import { ServeError } from "../contract/errors.ts";
import { isSignedAddress, withSignedAddresses } from "./addresses.ts";
import { folderStore } from "./folder_store.ts";
import { memoryStore } from "./memory_store.ts";
import { s3Store } from "./s3_store.ts";
import { checkKey, type Store } from "./store.ts";
import { storeResult } from "./store_result.ts";

const file = { bytes: Uint8Array.of(1, 2, 3), mediaType: "image/png" };

async function behaves(store: Store): Promise<void> {
  assertEquals(await store.get("none.png"), undefined);
  await store.put("a.png", file);
  const got = await store.get("a.png");
  assertEquals([[...got!.bytes], got!.mediaType], [[1, 2, 3], "image/png"]);
  assertEquals(await store.url("a.png", "https://x"), "https://x/files/a.png");
}

describe("memoryStore()", () => {
  it("gives back what was put", () => behaves(memoryStore()));

  it("drops the oldest files when there is no more room", async () => {
    const store = memoryStore({ maxBytes: 7 });
    for (const key of ["a.png", "b.png", "c.png"]) await store.put(key, file);
    assertEquals(await store.get("a.png"), undefined);
    assert(await store.get("c.png") !== undefined);
  });
});

describe("folderStore()", () => {
  it("gives back what was put", async () => {
    const folder = await Deno.makeTempDir();
    await behaves(folderStore(`${folder}/new`));
    await Deno.remove(folder, { recursive: true });
  });

  it("drops what is too old, and nothing that is not its own", async () => {
    const folder = await Deno.makeTempDir();
    const store = folderStore(folder, { ttlMs: 60_000 });
    const [old, young] = ["a".repeat(32) + ".png", "b".repeat(32) + ".jpg"];
    for (const key of [old, young]) await store.put(key, file);
    await Deno.writeTextFile(`${folder}/notes.png`, "of others");
    const past = Date.now() / 1000 - 61;
    for (const name of [old, "notes.png"]) await Deno.utime(`${folder}/${name}`, past, past);
    assertEquals(await store.get(old), undefined);
    await store.sweep();
    const left = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    assertEquals(left, [young, "notes.png"]);
    await store.delete(young);
    assertEquals(await store.get(young), undefined);
    await Deno.remove(folder, { recursive: true });
  });

  it("says storage_failed when it cannot write", async () => {
    const store = folderStore("/proc/no/such");
    const image = { ...file, width: 1, height: 1, recipe: {} };
    const error = await assertRejects(() => storeResult(store, image, "https://x"), ServeError);
    assertEquals([error.code, error.message.includes("/proc")], ["storage_failed", false]);
  });
});

describe("s3Store()", () => {
  it("gives back what was put, itself and by its address", async () => {
    const directory = await Deno.makeTempDir();
    const server = new S3rver({
      address: "127.0.0.1",
      port: 0,
      silent: true,
      directory,
      configureBuckets: [{ name: "images", configs: [] }],
    });
    const { port } = await server.run();
    try {
      const store = s3Store({
        endpoint: `http://127.0.0.1:${port}/images`,
        region: "us-east-1",
        accessKeyId: "S3RVER",
        secretAccessKey: "S3RVER",
      });
      await store.put("a.png", file);
      const got = await store.get("a.png");
      assertEquals([[...got!.bytes], got!.mediaType], [[1, 2, 3], "image/png"]);
      assertEquals(await store.get("none.png"), undefined);
      const fetched = await fetch(await store.url("a.png", "https://x"));
      assertEquals(new Uint8Array(await fetched.arrayBuffer()), file.bytes);
    } finally {
      await server.close();
      await Deno.remove(directory, { recursive: true });
    }
  });

  it("signs addresses that lead to the bucket", async () => {
    const endpoint = "https://s3.example.com/images";
    const store = s3Store({ endpoint, accessKeyId: "id", secretAccessKey: "secret" });
    const url = new URL(await store.url("a.png", "https://x"));
    assertEquals([url.host, url.pathname], ["s3.example.com", "/images/a.png"]);
    assert(url.searchParams.has("X-Amz-Signature"));
  });
});

describe("withSignedAddresses()", () => {
  it("gives addresses that only this server makes, for an hour and one file", async () => {
    const store = withSignedAddresses(memoryStore(), "secret");
    const url = new URL(await store.url("a.png", "https://x"));
    const { searchParams } = url;
    assert(isSignedAddress("secret", "a.png", searchParams));
    assert(!isSignedAddress("secret", "b.png", searchParams));
    assert(!isSignedAddress("other", "a.png", searchParams));
    assert(!isSignedAddress("secret", "a.png", new URLSearchParams()));
    const later = new URLSearchParams(searchParams);
    later.set("expires", `${Number(searchParams.get("expires")) + 1}`);
    assert(!isSignedAddress("secret", "a.png", later));
    using time = new FakeTime();
    const soon = new URL(await store.url("a.png", "https://x")).searchParams;
    time.tick(3_599_000);
    assert(isSignedAddress("secret", "a.png", soon));
    time.tick(2_000);
    assert(!isSignedAddress("secret", "a.png", soon));
  });
});

describe("checkKey()", () => {
  it("refuses what could leave the store", () => {
    for (const key of ["", "../a", "a/b", "a\\b", ".a", "a..b", "a\0b", "x".repeat(300)]) {
      assertThrows(() => checkKey(key), TypeError);
    }
    checkKey("0a-b_c.png");
  });
});

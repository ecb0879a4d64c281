import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import S3rver from "s3rver";
import { ServeError } from "../contract/errors.ts";
import { folderStore } from "./folder_store.ts";
import { memoryStore } from "./memory_store.ts";
import { s3Store } from "./s3_store.ts";
import { checkKey, type Store } from "./store.ts";
import { storeImage } from "./store_image.ts";

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

  it("says storage_failed when it cannot write", async () => {
    const store = folderStore("/proc/no/such");
    const image = { ...file, width: 1, height: 1, recipe: {} };
    const error = await assertRejects(() => storeImage(store, image, "https://x"), ServeError);
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

describe("checkKey()", () => {
  it("refuses what could leave the store", () => {
    for (const key of ["", "../a", "a/b", "a\\b", ".a", "a..b", "a\0b", "x".repeat(300)]) {
      assertThrows(() => checkKey(key), TypeError);
    }
    checkKey("0a-b_c.png");
  });
});

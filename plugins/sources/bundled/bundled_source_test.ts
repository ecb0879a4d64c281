import { assertEquals, assertRejects } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { DenoiseError } from "@denoise/core";
import { bundledSource } from "./bundled_source.ts";

const REQUEST = { want: "pipeline" } as const;

describe("bundledSource()", () => {
  let folder: string;
  let before: string | undefined;
  beforeEach(async () => {
    folder = await Deno.makeTempDir();
    before = Deno.env.get("DENOISE_CACHE");
    Deno.env.set("DENOISE_CACHE", folder);
  });
  afterEach(async () => {
    if (before === undefined) Deno.env.delete("DENOISE_CACHE");
    else Deno.env.set("DENOISE_CACHE", before);
    await Deno.remove(folder, { recursive: true });
  });

  it("reads a package on disk in place", async () => {
    const source = bundledSource({
      id: "a/b",
      base: new URL(`file://${folder}/x%20y/`),
      files: ["c.json"],
      version: "1.0.0",
    });
    assertEquals([source.accepts("a/b"), source.accepts("a/c")], [true, false]);
    assertEquals(await source.fetch("a/b", REQUEST), {
      path: `${folder}/x y`,
      id: "a/b",
      commit: "1.0.0",
    });
  });

  it("downloads a package on a server once, again when something is gone", async () => {
    let requests = 0;
    await using server = Deno.serve({ port: 0, onListen() {} }, (request) => {
      requests++;
      return new Response(new URL(request.url).pathname);
    });
    const base = new URL(`http://127.0.0.1:${server.addr.port}/pkg/`);
    const source = bundledSource({ id: "a/b", base, files: ["c.json", "d/e.bin"], version: "1" });
    const { path } = await source.fetch("a/b", REQUEST);
    assertEquals(await Deno.readTextFile(`${path}/d/e.bin`), "/pkg/d/e.bin");
    await source.fetch("a/b", REQUEST);
    assertEquals(requests, 2);
    await Deno.remove(`${path}/c.json`);
    await source.fetch("a/b", REQUEST);
    assertEquals(requests, 4);
  });

  it("leaves nothing behind when the server fails", async () => {
    await using server = Deno.serve(
      { port: 0, onListen() {} },
      ({ url }) => url.endsWith("good") ? new Response("x") : new Response("no", { status: 404 }),
    );
    const base = new URL(`http://127.0.0.1:${server.addr.port}/`);
    const source = bundledSource({ id: "a/b", base, files: ["good", "bad"], version: "1" });
    const error = await assertRejects(() => source.fetch("a/b", REQUEST), DenoiseError);
    assertEquals(error.code, "source_unavailable");
    assertEquals(await Array.fromAsync(Deno.readDir(`${folder}/a/b`)), []);
  });
});

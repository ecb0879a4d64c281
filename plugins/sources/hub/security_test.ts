import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DenoiseError } from "@denoise/core";
import { MAX_FILES } from "./api.ts";
import { prefetch } from "./mod.ts";
import {
  endless,
  HubServer,
  redirect,
  status,
  type TreeEntry,
} from "../../../tests/support/hub_server.ts";
import { ddpmRepo } from "../../../tests/support/hub_repos.ts";
import { tempCache } from "../../../tests/support/temp_cache.ts";

const TOKEN = "hf_secretSecretSecretSecret";
const retry = { firstDelay: 5, retries: 1 };

/** A Hub, and a cache that lies in a folder of its own, so that a file outside of it shows. */
async function setUp() {
  const server = new HubServer();
  const outer = await tempCache();
  return {
    server,
    outer: outer.path,
    options: { endpoint: server.url, cacheDir: `${outer.path}/a/cache`, retry },
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await outer[Symbol.asyncDispose]();
    },
  };
}

async function names(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    found.push(entry.name);
    if (entry.isDirectory) found.push(...await names(`${folder}/${entry.name}`));
  }
  return found;
}

/** Everything below the folder that holds the cache, besides the cache. */
async function strays(outer: string): Promise<string[]> {
  return (await names(outer)).filter((name) => name === "evil" || name === "passwd");
}

function entry(path: unknown, more: Record<string, unknown> = {}): TreeEntry {
  return { type: "file", path, size: 3, oid: "0".repeat(40), ...more } as TreeEntry;
}

const MODEL_INDEX = ddpmRepo()["model_index.json"] as string;

async function indexEntry(): Promise<TreeEntry> {
  const bytes = new TextEncoder().encode(`blob ${MODEL_INDEX.length}\0${MODEL_INDEX}`);
  const oid = new Uint8Array(await crypto.subtle.digest("SHA-1", bytes)).toHex();
  return entry("model_index.json", { size: MODEL_INDEX.length, oid });
}

describe("names from the server", () => {
  const hostile: [string, unknown][] = [
    ["a name that goes up", "../../evil"],
    ["a name that goes up inside", "unet/../../../evil"],
    ["an absolute name", "/tmp/evil"],
    ["a backslash", "unet\\..\\..\\evil"],
    ["a drive letter", "C:/evil"],
    ["a drive letter inside", "unet/C:evil"],
    ["a NUL", "unet/evil\0.json"],
    ["an empty name", ""],
    ["a name that is a number", 7],
    ["no name", null],
  ];
  for (const [what, path] of hostile) {
    it(`refuses ${what}, and fetches nothing`, async () => {
      await using at = await setUp();
      const listing = [await indexEntry(), entry(path)];
      at.server.addRepo("me/evil", { "model_index.json": MODEL_INDEX }, { listing });
      const error = await assertRejects(() => prefetch("me/evil", at.options), DenoiseError);
      assertEquals(error.code, "source_unavailable");
      assertEquals(await strays(at.outer), []);
      assertEquals(at.server.requests.filter(({ path }) => path.includes("resolve")).length, 0);
    });
  }

  const broken: [string, Record<string, unknown>][] = [
    ["a hash that is a path", { oid: "../../../evil" }],
    ["a hash of another length", { oid: "abc" }],
    ["no hash", { oid: undefined }],
    ["an LFS hash that is a path", { lfs: { oid: "../../evil", size: 3, pointerSize: 1 } }],
    ["a negative size", { size: -1 }],
    ["a size that is text", { size: "3" }],
    ["a size beyond all numbers", { size: 1e300 }],
  ];
  for (const [what, more] of broken) {
    it(`refuses ${what}`, async () => {
      await using at = await setUp();
      const listing = [await indexEntry(), entry("config.json", more)];
      at.server.addRepo("me/evil", { "model_index.json": MODEL_INDEX }, { listing });
      const error = await assertRejects(() => prefetch("me/evil", at.options), DenoiseError);
      assertEquals(error.code, "source_unavailable");
      assertEquals(await strays(at.outer), []);
    });
  }

  it("refuses a name that stands for a file and a folder", async () => {
    await using at = await setUp();
    const listing = [await indexEntry(), entry("unet"), entry("unet/config.json")];
    at.server.addRepo("me/evil", { "model_index.json": MODEL_INDEX }, { listing });
    await assertRejects(() => prefetch("me/evil", at.options), DenoiseError, '"unet" twice');
  });

  it("refuses a commit that is no hash", async () => {
    await using at = await setUp();
    at.server.fail("/revision/", () => Response.json({ id: "me/evil", sha: "../../evil" }));
    const error = await assertRejects(() => prefetch("me/evil", at.options), DenoiseError);
    assert(error.message.includes("does not answer as a Hub does"));
    assertEquals(await strays(at.outer), []);
  });
});

describe("answers without bounds", () => {
  it("refuses a model info of a gigabyte", async () => {
    await using at = await setUp();
    at.server.fail("/revision/", endless('{"id": "me/evil"'));
    const error = await assertRejects(() => prefetch("me/evil", at.options), DenoiseError);
    assert(error.message.includes("longer than 32 MB"), error.message);
  });

  it("refuses a listing of a gigabyte", async () => {
    await using at = await setUp();
    at.server.addRepo("me/evil", ddpmRepo());
    at.server.fail("/tree/", endless("["));
    await assertRejects(() => prefetch("me/evil", at.options), DenoiseError, "longer than 32 MB");
  });

  it("refuses a model_index.json that claims a gigabyte, and one that has it", async () => {
    await using at = await setUp();
    const listing = [entry("model_index.json", { size: 1e9 })];
    at.server.addRepo("me/evil", { "model_index.json": MODEL_INDEX }, { listing });
    await assertRejects(() => prefetch("me/evil", at.options), DenoiseError, "1000000000 bytes");
    at.server.addRepo("me/liar", ddpmRepo());
    at.server.fail("model_index.json", endless("{"));
    await assertRejects(() => prefetch("me/liar", at.options), DenoiseError, "more bytes");
  });

  it("refuses a config.json of a gigabyte", async () => {
    await using at = await setUp();
    const listing = [
      await indexEntry(),
      entry("config.json", { size: 1e9 }),
      entry("x.safetensors"),
    ];
    at.server.addRepo("me/evil", { "model_index.json": MODEL_INDEX }, {
      listing: [...listing, entry("model.safetensors")],
    });
    await assertRejects(() => prefetch("me/evil", at.options), DenoiseError, "config.json has");
  });

  it("refuses a repo of 100,000 files before it has listed them all", async () => {
    await using at = await setUp();
    const listing = Array.from({ length: 100_000 }, (_, index) => entry(`file${index}`));
    at.server.addRepo("me/many", { "model_index.json": MODEL_INDEX }, { listing });
    const error = await assertRejects(() => prefetch("me/many", at.options), DenoiseError);
    assert(error.message.includes(`more than ${MAX_FILES} files`));
    const pages = at.server.requests.filter(({ path }) => path.includes("/tree/")).length;
    assert(pages <= MAX_FILES / 1000 + 1);
  });

  it("refuses pages that go on without an end", async () => {
    await using at = await setUp();
    at.server.addRepo("me/loop", ddpmRepo());
    const link = `<${at.server.url}/api/models/me/loop/tree/x?cursor=1>; rel="next"`;
    at.server.fail("/tree/", () => Response.json([], { headers: { link } }));
    await assertRejects(() => prefetch("me/loop", at.options), DenoiseError, "more than");
  });

  for (const body of ["", "{", "null", "[]", '"text"', "<html>", '{"sha": 7}', "[[[[[[["]) {
    it(`refuses ${JSON.stringify(body)} as an answer of a Hub`, async () => {
      await using at = await setUp();
      at.server.fail("/revision/", () => new Response(body));
      const error = await assertRejects(() => prefetch("me/odd", at.options), DenoiseError);
      assertEquals(error.code, "source_unavailable");
    });
  }

  for (const body of ["null", "{", '{"a": 1}', "[null]", "[7]", '[{"type": "file"}]']) {
    it(`refuses ${JSON.stringify(body)} as a listing`, async () => {
      await using at = await setUp();
      at.server.addRepo("me/odd", ddpmRepo());
      at.server.fail("/tree/", () => new Response(body));
      const error = await assertRejects(() => prefetch("me/odd", at.options), DenoiseError);
      assertEquals(error.code, "source_unavailable");
    });
  }
});

describe("redirects", () => {
  for (const to of ["file:///etc/passwd", "ftp://example.com/x", "data:text/plain,x", "gopher:x"]) {
    it(`refuses one to ${to}`, async () => {
      await using at = await setUp();
      at.server.addRepo("me/cat", ddpmRepo());
      at.server.fail("model_index.json", redirect(to));
      const error = await assertRejects(() => prefetch("me/cat", at.options), DenoiseError);
      assert(error.message.startsWith("Refused a redirect"), error.message);
      assertEquals(await strays(at.outer), []);
    });
  }

  it("refuses one without an address", async () => {
    await using at = await setUp();
    at.server.addRepo("me/cat", ddpmRepo());
    at.server.fail("model_index.json", () => new Response(null, { status: 302 }));
    await assertRejects(() => prefetch("me/cat", at.options), DenoiseError, "Refused a redirect");
  });

  it("refuses to go in circles", async () => {
    await using at = await setUp();
    at.server.addRepo("me/cat", ddpmRepo());
    at.server.fail("model_index.json", (_, request) => redirect(request.url)(_, request));
    await assertRejects(() => prefetch("me/cat", at.options), DenoiseError, "more than 10 times");
  });
});

describe("the access token", () => {
  it("goes to the Hub with every request, and to no other host", async () => {
    await using at = await setUp();
    at.server.addRepo("me/private", ddpmRepo(), { token: TOKEN });
    await prefetch("me/private", { ...at.options, token: TOKEN });
    const sent = (host: string) =>
      at.server.requests.filter((request) => request.at === host)
        .map(({ headers }) => headers.get("authorization"));
    assert(sent("hub").length > 4);
    assertEquals(new Set(sent("hub")), new Set([`Bearer ${TOKEN}`]));
    assertEquals(sent("cdn"), [null]);
  });

  it("does not follow the next page of a listing to another host", async () => {
    await using at = await setUp();
    at.server.addRepo("me/cat", ddpmRepo());
    const link = `<${at.server.cdnUrl}/steal>; rel="next"`;
    at.server.fail("/tree/", () => Response.json([], { headers: { link } }), 1);
    await assertRejects(() => prefetch("me/cat", { ...at.options, token: TOKEN }), DenoiseError);
    const [theft] = at.server.requests.filter(({ at }) => at === "cdn");
    assertEquals(theft?.headers.get("authorization") ?? null, null);
  });

  it("is in no message, warning or file, whatever goes wrong", async () => {
    await using at = await setUp();
    at.server.addRepo("me/cat", ddpmRepo());
    const said: string[] = [];
    const options = {
      ...at.options,
      token: TOKEN,
      onWarning: (message: string) => said.push(message),
    };
    await prefetch("me/cat", options);
    for (const code of [400, 401, 403, 404, 429, 500]) {
      at.server.fail("", status(code));
      const forced = { ...options, forceDownload: true, revision: "other" };
      const error = await assertRejects(() => prefetch("me/cat", forced), DenoiseError);
      said.push(error.message, error.stack ?? "", Deno.inspect(error));
      await prefetch("me/cat", options);
      at.server.reset();
    }
    at.server.fail("signature", status(403));
    const error = await assertRejects(
      () => prefetch("me/cat", { ...options, forceDownload: true }),
      DenoiseError,
    );
    said.push(Deno.inspect(error));
    assert(said.length > 10);
    assertEquals(said.filter((text) => text.includes(TOKEN)), []);
    assertEquals(said.filter((text) => text.includes("signature=secret")), []);
    for (const name of await names(at.outer)) assert(!name.includes(TOKEN));
  });

  for (const token of ["hf_a b", "hf_a\nx: y", "hf_ü", "hf_\0"]) {
    it(`is refused, and not repeated, when it is ${JSON.stringify(token)}`, async () => {
      const error = await assertRejects(
        () => prefetch("me/cat", { token, endpoint: "http://127.0.0.1:9" }),
        TypeError,
      );
      assert(!error.message.includes(token));
    });
  }
});

describe("repos that may not be read", () => {
  it("says of a private or missing repo what to do", async () => {
    await using at = await setUp();
    await assertRejects(() => prefetch("me/none", at.options), DenoiseError, "set HF_TOKEN");
    await assertRejects(
      () => prefetch("me/none", { ...at.options, token: TOKEN }),
      DenoiseError,
      "access token is not valid, or does not see that repo",
    );
  });

  it("says of a gated repo where to accept its terms", async () => {
    await using at = await setUp();
    at.server.addRepo("me/gated", ddpmRepo(), { token: TOKEN, gated: true });
    const error = await assertRejects(() => prefetch("me/gated", at.options), DenoiseError);
    assert(error.message.includes(`it is gated: open ${at.server.url}/me/gated once`));
  });

  it("says of a missing revision that it is missing", async () => {
    await using at = await setUp();
    at.server.addRepo("me/cat", ddpmRepo());
    await assertRejects(
      () => prefetch("me/cat", { ...at.options, revision: "v9" }),
      DenoiseError,
      'no revision "v9"',
    );
  });

  it("says of a repo without model_index.json what it has", async () => {
    await using at = await setUp();
    at.server.addRepo("me/text", { "README.md": "x", "vocab.json": "{}" });
    const error = await assertRejects(() => prefetch("me/text", at.options), DenoiseError);
    assertEquals(error.code, "missing_file");
    assert(error.message.includes("README.md, vocab.json"));
  });

  it("says of a model_index.json that is no JSON object that it is not", async () => {
    await using at = await setUp();
    for (const text of ["", "[]", "7", "{", "null"]) {
      at.server.addRepo("me/odd", { "model_index.json": text });
      const error = await assertRejects(() => prefetch("me/odd", at.options), DenoiseError);
      assertEquals(error.code, "invalid_config");
    }
  });
});

describe("endpoints", () => {
  for (const endpoint of ["huggingface.co", "ftp://x.y", "https://user:pass@x.y", "", "://"]) {
    it(`refuses ${JSON.stringify(endpoint)}`, async () => {
      await assertRejects(() => prefetch("me/cat", { endpoint }), TypeError, "Cannot use");
    });
  }
});

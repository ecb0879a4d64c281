import { describe, it } from "@std/testing/bdd";
import { assertEquals, assertRejects } from "@std/assert";
import { pathToFileURL } from "node:url";
import { DenoiseError } from "@denoise/core";
import { withServer } from "../../../tests/support/with_server.ts";
import { readSource } from "./mod.ts";

const any = { check: () => {} };
const abc = Uint8Array.of(97, 98, 99);

/** Refuses more than a number of bytes. */
function atMost(most: number) {
  return {
    check(length: number) {
      if (length > most) throw new RangeError(`more than ${most}`);
    },
  };
}

describe("readSource()", () => {
  it("gives the bytes at an address, in a data URL and at a path, however it is written", async () => {
    const path = await Deno.makeTempFile();
    try {
      await Deno.writeFile(path, abc);
      const file = pathToFileURL(path);
      for (const source of ["data:,abc", "DATA:,abc", path, file, file.href]) {
        assertEquals(await readSource(source, any), abc);
      }
      await withServer(() => new Response("abc"), async (address) => {
        for (const source of [address, new URL(address), address.replace("http", "HTTP")]) {
          assertEquals(await readSource(source, any), abc);
        }
      });
      await assertRejects(() => readSource(path, atMost(2)), RangeError, "more than 2");
    } finally {
      await Deno.remove(path);
    }
  });

  it("says that there is no such file", async () => {
    const error = await assertRejects(
      () => readSource("no/such.wav", any),
      DenoiseError,
      "no/such",
    );
    assertEquals(error.code, "missing_file");
  });

  it("says what the server answered", async () => {
    await withServer(() => new Response("no", { status: 404 }), async (address) => {
      const error = await assertRejects(
        () => readSource(address, any),
        DenoiseError,
        "answered 404",
      );
      assertEquals(error.code, "source_unavailable");
    });
  });

  it("says that no server answers", async () => {
    let address = "";
    await withServer(() => new Response(), (used) => Promise.resolve(void (address = used)));
    const error = await assertRejects(() => readSource(address, any), DenoiseError);
    assertEquals(error.code, "source_unavailable");
  });

  it("throws what aborted it, not that the address is unavailable", async () => {
    const signal = AbortSignal.abort(new RangeError("enough"));
    const asked = () => readSource("http://127.0.0.1:9/", { ...any, signal });
    await assertRejects(asked, RangeError, "enough");
  });

  it("stops an endless body at the limit", async () => {
    const endless = () =>
      new Response(
        new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(4096)) }),
      );
    await withServer(endless, async (address) => {
      await assertRejects(() => readSource(address, atMost(50_000)), RangeError, "50000");
    });
  });
});

import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { validateWebhook } from "../../../tests/support/clients.ts";
import { guardedPost, isPublicAddress } from "../../http/guarded_post.ts";
import { fakeApp, post } from "../../tests/app.ts";

const secret = `whsec_${new Uint8Array(24).fill(7).toBase64()}`;
const input = { prompt: "a cat", num_inference_steps: 2 };

/** A receiver on this machine that takes so many messages. */
async function receiving(count: number, send: (url: string) => Promise<void>) {
  const got: { valid: boolean; body: { status: string } }[] = [];
  const all = Promise.withResolvers<void>();
  let first = true;
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    if (first) {
      first = false;
      await request.body?.cancel();
      return new Response(null, { status: 503 });
    }
    const valid = await validateWebhook(request.clone(), secret);
    got.push({ valid, body: await request.json() });
    if (got.length === count) all.resolve();
    return new Response();
  });
  await send(`http://127.0.0.1:${server.addr.port}/hook`);
  await all.promise;
  await server.shutdown();
  return got;
}

describe("webhooks of predictions", () => {
  it("tell what the caller wants to know, signed, and again when the receiver fails", async () => {
    const { app } = fakeApp({ webhooks: { secret, allows: () => true } });
    const got = await receiving(2, async (webhook) => {
      const body = { input, webhook, webhook_events_filter: ["start", "completed"] };
      await (await app.request("/predictions", post(body))).body?.cancel();
    });
    assertEquals(got.map(({ valid }) => valid), [true, true]);
    assertEquals(got.at(-1)!.body.status, "succeeded");
  });

  it("are refused where they are off, and without https", async () => {
    const off = fakeApp().app;
    const on = fakeApp({ webhooks: { secret } }).app;
    for (
      const [app, webhook] of [[off, "https://example.com"], [on, "http://example.com"]] as const
    ) {
      const response = await app.request("/predictions", post({ input, webhook }));
      assertEquals([response.status, (await response.json()).field], [400, "webhook"]);
    }
  });
});

describe("guardedPost()", () => {
  const forms = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://localhost/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://0.0.0.0/",
    "http://169.254.169.254/latest/meta-data",
    "http://10.1.2.3/",
    "http://[fd00::1]/",
    "http://[64:ff9b::7f00:1]/",
  ];

  it("reaches no address of this machine or its networks, however it is written", async () => {
    for (const form of forms) {
      const call = () => guardedPost(new URL(form), "", { headers: {} });
      await assertRejects(call, Error, "not an address of the public internet", form);
    }
  });

  it("reads nothing of a reply but its status, though it does not end", async () => {
    const ended = Promise.withResolvers<void>();
    const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, () =>
      new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(new Uint8Array(1_000_000)),
          cancel: () => ended.resolve(),
        }),
      ));
    const url = new URL(`http://127.0.0.1:${server.addr.port}/`);
    assertEquals(await guardedPost(url, "x", { headers: {}, allows: () => true }), 200);
    await ended.promise;
    await server.shutdown();
  });

  it("does not follow redirects", async () => {
    const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
      assert(!request.url.endsWith("/secret"));
      return Response.redirect(new URL("/secret", request.url), 307);
    });
    const url = new URL(`http://127.0.0.1:${server.addr.port}/`);
    assertEquals(await guardedPost(url, "x", { headers: {}, allows: () => true }), 307);
    await server.shutdown();
  });
});

describe("isPublicAddress()", () => {
  it("tells the public internet from everything else", () => {
    for (const address of ["1.1.1.1", "93.184.216.34", "2606:4700::1111"]) {
      assert(isPublicAddress(address), address);
    }
    for (
      const address of [
        "192.168.1.1",
        "172.31.0.1",
        "100.64.0.1",
        "255.255.255.255",
        "::",
        "fe80::1",
        "2002:7f00:1::",
        "x",
      ]
    ) {
      assert(!isPublicAddress(address), address);
    }
  });
});

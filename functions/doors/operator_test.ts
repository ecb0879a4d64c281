import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { fakeApp, post } from "../tests/app.ts";

const keys = [
  { name: "ann", key: "key-of-ann" },
  { name: "ops", key: "key-of-ops", isOperator: true },
];
const as = (key: string) => ({ headers: { authorization: `Bearer key-of-${key}` } });

describe("operatorDoor", () => {
  it("shows, retries and drops what failed, of any key", async () => {
    let isBroken = true;
    const fail = () => isBroken ? new Error("broken") : undefined;
    const { app } = fakeApp({ auth: { keys } }, { fail });
    const body = { input: { prompt: "a red apple", seed: 7 } };
    for (const id of ["one", "two"]) {
      const made = await app.request(`/predictions/${id}`, {
        ...post(body, as("ann")),
        method: "PUT",
      });
      assertEquals((await made.json()).status, "failed");
    }
    const letters = async () =>
      (await (await app.request("/operator/dead-letters", as("ops"))).json()).data;
    const found = await letters();
    assertEquals(found.map(({ id }: { id: string }) => id), ["ann:two", "ann:one"]);
    assertEquals(
      [found[0].owner, found[0].error.code, found[0].input.prompt, found[0].input.seed],
      ["ann", "internal", "a red apple", "7"],
    );

    isBroken = false;
    const url = "/operator/dead-letters/ann%3Aone";
    const retried = await app.request(`${url}/retry`, { method: "POST", ...as("ops") });
    assertEquals([retried.status, (await retried.json()).id], [202, "ann:one"]);
    const stream = await app.request("/predictions/one/stream", as("ann"));
    assert((await stream.text()).includes('"succeeded"'));
    const own = await (await app.request("/predictions/one", as("ann"))).json();
    assertEquals(own.status, "succeeded", "its owner has it under its id");
    const job = await (await app.request("/operator/jobs/ann%3Aone", as("ops"))).json();
    assertEquals([job.status, job.error, job.output.length], ["succeeded", null, 1]);
    const image = await app.request(job.output[0]);
    assertEquals([image.status, image.headers.get("content-type")], [200, "image/png"]);
    await image.body?.cancel();

    const dropped = await app.request("/operator/dead-letters/ann%3Atwo", {
      method: "DELETE",
      ...as("ops"),
    });
    assertEquals([dropped.status, await letters()], [204, []]);
    for (const [path, method] of [[`${url}/retry`, "POST"], [url, "DELETE"]] as const) {
      const gone = await app.request(path, { method, ...as("ops") });
      assertEquals([gone.status, (await gone.json()).error.code], [404, "not_found"]);
    }
  });

  it("is for the keys of operators alone", async () => {
    const asked = [["ann", keys], ["none", []]] as const;
    for (const [key, keys] of asked) {
      const { app } = fakeApp({ auth: { keys: [...keys] } });
      for (const path of ["/operator/dead-letters", "/operator/jobs/ann%3Aone"]) {
        const refused = await app.request(path, as(key));
        assertEquals([refused.status, (await refused.json()).error.code], [403, "forbidden"]);
      }
    }
    const { app } = fakeApp({ auth: { keys } });
    const unknown = await app.request("/operator/dead-letters", as("nobody"));
    assertEquals(unknown.status, 401);
    await unknown.body?.cancel();
  });
});

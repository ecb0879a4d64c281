import { assert } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { configure, type LogRecord, reset } from "@logtape/logtape";
import { fakeApp, post } from "../tests/app.ts";

describe("log", () => {
  it("has method, path, status and request id, and neither keys nor prompts", async () => {
    const records: LogRecord[] = [];
    const loggers = [{ category: "denoise", lowestLevel: "debug" as const, sinks: ["all"] }];
    await configure({ sinks: { all: (record) => void records.push(record) }, loggers });
    try {
      const auth = { keys: [{ name: "ann", key: "a-secret-key" }] };
      const { app } = fakeApp({ auth }, { fail: () => new Error("broken") });
      const init = (key: string) =>
        post({ prompt: "a private prompt" }, { headers: { authorization: `Bearer ${key}` } });
      for (const key of ["a-secret-key", "a-wrong-key"]) {
        await (await app.request("/v1/images/generations", init(key))).body?.cancel();
      }
      const text = JSON.stringify(records);
      for (const word of ["/v1/images/generations", "requestId", "ann", "broken"]) {
        assert(
          text.includes(word) ||
            records.some(({ properties }) => String(properties["error"] ?? "").includes(word)),
          word,
        );
      }
      for (const secret of ["a-secret-key", "a-wrong-key", "private"]) {
        assert(!text.includes(secret), secret);
      }
    } finally {
      await reset();
    }
  });
});

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { configure, type LogRecord, reset } from "@logtape/logtape";
import { jsonLines } from "./log.ts";
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
      const end = records.find(({ properties }) => properties["outcome"] !== undefined);
      assertEquals(
        [end?.properties["owner"], end?.properties["model"], end?.properties["outcome"]],
        [
          "ann",
          "fake",
          "internal",
        ],
      );
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

  it("writes no control character that a terminal obeys", () => {
    const message = "\u009b31m\u0085\u2028\x1b[0m";
    const line = jsonLines({
      category: ["denoise"],
      level: "info",
      message: [message],
      rawMessage: message,
      properties: { path: message },
      timestamp: 0,
    });
    // deno-lint-ignore no-control-regex
    assert(!/[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028]/.test(line), line);
    assertEquals(JSON.parse(line).properties.path, message);
  });
});

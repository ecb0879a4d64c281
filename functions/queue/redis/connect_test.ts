import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { startProxy } from "../../tests/proxy.ts";
import { hasRedis, startRedis } from "../../tests/redis.ts";
import { turns, until } from "../../../tests/support/until.ts";
import { connectRedis, staySubscribed } from "./connect.ts";

describe("staySubscribed()", { ignore: !await hasRedis() }, () => {
  it("hears again after a connection was lost", async () => {
    await using redis = await startRedis();
    await using link = startProxy(Number(new URL(redis.url).port));
    const [listener, speaker] = [`redis://127.0.0.1:${link.port}`, redis.url].map((url) =>
      connectRedis(url)
    );
    const heard: string[] = [];
    let times = 0;
    listener!.on("message", (_channel, text) => heard.push(text));
    staySubscribed(listener!, () => ["x"], () => times++);
    for (const text of ["first", "second"]) {
      const before = times;
      if (text === "second") link.kill();
      await until(() => times > before || text === "first" && times > 0);
      await speaker!.publish("x", text);
      await until(() => heard.includes(text));
    }
    assertEquals(heard, ["first", "second"]);
    listener!.disconnect();
    speaker!.disconnect();
  });

  it("is no error where the client ends before Redis has answered", async () => {
    await using redis = await startRedis();
    await using link = startProxy(Number(new URL(redis.url).port));
    const client = connectRedis(`redis://127.0.0.1:${link.port}`);
    let times = 0;
    staySubscribed(client, () => ["x"], () => times++);
    await until(() => times === 1);
    const ended = Promise.withResolvers<void>();
    client.once("end", () => ended.resolve());
    client.once("ready", () => client.disconnect()); // what it has asked for is under way then
    link.kill();
    await ended.promise;
    await turns(3); // an error that nobody catches comes now
    assertEquals(times, 1);
  });
});

/**
 * Workers of a fleet in one process: each has connections of its own to Redis, as a worker elsewhere has, and an
 * engine that makes its images at once. Arguments: the address of Redis, and how many.
 *
 * @module
 */
import { redisStore, redisWorker } from "@denoise/functions/redis";
import { connectRedis } from "../../../functions/queue/redis/connect.ts";
import { FakeEngine } from "../../../functions/tests/fake_engine.ts";

const [url = "", count = "1"] = Deno.args;
const client = connectRedis(url);
const store = redisStore(client);
await Promise.all(
  Array.from({ length: Number(count) }, () => redisWorker(new FakeEngine(), { url, store })),
);
console.log(`workers listen on ${url.replace("redis:", "http:")}`);

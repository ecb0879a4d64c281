import type { Redis } from "ioredis";
import type { Names } from "./names.ts";
import { runScript } from "./scripts.ts";
import { failedText } from "./wire.ts";

/** How often, by all together and each, in milliseconds. */
const SWEEP_MS = 500;
/** How long workers and edges have to say that they live when Redis was away, in milliseconds. */
const GRACE_MS = 15_000;

const LOST = failedText({
  code: "engine_lost",
  message: "The worker stopped in the middle of the run, twice",
});

/** For a caller whose edge lives, and could not say so. */
const ALONE = failedText({
  code: "shutting_down",
  message: "The queue could not be reached for too long, and the run was given up; ask again",
});

/**
 * Ends what has taken too long or is waited for by nobody, and gives away what a worker that is silent
 * has had. Edges and workers all do it; in Redis it is done once.
 *
 * @returns A function that stops it.
 */
export function startSweeps(redis: Redis, names: Names): () => void {
  let isUnderWay = false;
  const timer = setInterval(async () => {
    if (isUnderWay || redis.status !== "ready") return;
    isUnderWay = true;
    await runScript(redis, "sweep", names.root, GRACE_MS, LOST, ALONE).catch(() => {});
    isUnderWay = false;
  }, SWEEP_MS);
  return () => clearInterval(timer);
}

import type { Redis } from "ioredis";
import { isLast, type Job, type JobEvent } from "../../contract/job.ts";
import type { Store } from "../../storage/store.ts";
import type { Names } from "./names.ts";
import { packEvent } from "./wire.ts";

/** How long a job without a reader is remembered, in milliseconds. */
const UNREAD_MS = 60_000;
/** How long it is remembered that a job was there, in milliseconds. */
const HAD_MS = 24 * 3_600_000;
/** How long Redis is waited for when a program ends, in milliseconds. */
export const GOODBYE_MS = 2_000;
/** How long a job that is under way is remembered, in milliseconds. */
export const UNDER_WAY_MS = 24 * 3_600_000;

/**
 * Tells what a job tells: to those who follow it now, and but for previews to those who come later.
 * Only the first last event counts.
 */
export async function tellEvent(
  redis: Redis,
  names: Names,
  store: Store,
  job: Pick<Job, "id" | "owner" | "keepMs">,
  event: JobEvent,
): Promise<void> {
  const { id, owner, keepMs } = job;
  const stream = names.events(id);
  const end = `${stream}:end`;
  if (isLast(event) && await redis.exists(end)) return; // no image is stored for nobody
  const text = await packEvent(event, store); // may fail, and then another end is told
  if (isLast(event) && await redis.set(end, 1, "PX", UNDER_WAY_MS, "NX") === null) return;
  if (event.type === "preview") {
    await redis.publish(names.live(id), JSON.stringify(["", text]));
    return;
  }
  const place = await redis.xadd(stream, "MAXLEN", "~", 1024, "*", "event", text);
  await redis.publish(names.live(id), JSON.stringify([place, text]));
  if (!isLast(event)) return;
  const ttl = keepMs || UNREAD_MS;
  await redis.multi()
    .pexpire(stream, ttl)
    .pexpire(end, ttl)
    .pexpire(names.job(id), ttl)
    .set(names.had(id), 1, "PX", ttl + HAD_MS)
    .hincrby(names.owners, owner, -1)
    .exec();
}

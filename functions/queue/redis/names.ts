/** How a deployment's keys and channels in Redis are called. */
export interface Names {
  /** BullMQ's queue. */
  readonly queue: string;
  /** BullMQ's prefix. */
  readonly prefix: string;
  /** The job of an id, as text. */
  job(id: string): string;
  /** That an id was there, after its job is dropped. */
  had(id: string): string;
  /** What a job has told: a stream. */
  events(id: string): string;
  /** What a job tells now: a channel. */
  live(id: string): string;
  /** Whether a job is to be ended. */
  cancel(id: string): string;
  /** Ids that are to be ended now: a channel. */
  readonly cancels: string;
  /** Jobs under way of each owner. */
  readonly owners: string;
  /** Workers that are there, one key each. */
  worker(id: string): string;
}

/** The names under a prefix. */
export function namesUnder(prefix: string): Names {
  const name = (kind: string) => (id: string): string => `${prefix}:${kind}:${id}`;
  return {
    queue: "jobs",
    prefix: `${prefix}:bull`,
    job: name("job"),
    had: name("had"),
    events: name("events"),
    live: name("live"),
    cancel: name("cancel"),
    cancels: `${prefix}:cancels`,
    owners: `${prefix}:owners`,
    worker: name("worker"),
  };
}

/** What edges and workers say to each other; another number where it is no longer understood. */
export const PROTOCOL = 3;

/** How a deployment's keys and channels in Redis are called. */
export interface Names {
  /** What all keys of this protocol begin with; the scripts make the others of it. */
  readonly root: string;
  /** What is announced, of every protocol. */
  readonly members: string;
  /** What is known of a job: a hash. */
  job(id: string): string;
  /** The events of a job: a stream. */
  events(id: string): string;
  /** What a job tells now: a channel. */
  live(id: string): string;
  /** That something waits for a model: a list with an item a job. */
  wake(model: string): string;
  /** Ids of running jobs that were ended: a channel. */
  readonly ended: string;
}

/** The names under a prefix. */
export function namesUnder(prefix: string): Names {
  const root = `${prefix}:${PROTOCOL}`;
  return {
    root,
    members: `${prefix}:members`,
    job: (id) => `${root}:job:${id}`,
    events: (id) => `${root}:events:${id}`,
    live: (id) => `${root}:live:${id}`,
    wake: (model) => `${root}:wake:${model}`,
    ended: `${root}:ended`,
  };
}

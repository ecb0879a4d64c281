import { isLast, type JobEvent } from "../contract/job.ts";
import { Channel } from "../async/channel.ts";

/** Most events that wait for one slow reader; of more, steps and previews are left out. */
const MAX_BEHIND = 256;

/** The events of a job: those of the past for who comes late, and each new one. */
export class EventLog {
  #events: JobEvent[] = [];
  readonly #readers = new Set<Channel<JobEvent>>();

  /** Tells everyone. */
  push(event: JobEvent): void {
    this.#remember(event);
    for (const reader of this.#readers) {
      if (reader.behind < MAX_BEHIND || isLast(event)) reader.push(event);
      if (isLast(event)) reader.end();
    }
  }

  /** Everything, to the last event. */
  async *follow(signal?: AbortSignal): AsyncGenerator<JobEvent, void, void> {
    signal?.throwIfAborted();
    const reader = new Channel<JobEvent>();
    this.#events.forEach((event) => reader.push(event));
    if (this.#events.some(isLast)) reader.end();
    const onAbort = (): void => reader.end(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#readers.add(reader);
    try {
      yield* reader;
    } finally {
      this.#readers.delete(reader);
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /** Of events that only say how far things are, the newest says it all. */
  #remember(event: JobEvent): void {
    const passing = event.type === "queued" || event.type === "step" || event.type === "preview";
    if (isLast(event)) this.#events = this.#events.filter(({ type }) => type !== "preview");
    else if (passing) this.#events = this.#events.filter(({ type }) => type !== event.type);
    this.#events.push(event);
  }
}

import type { AppContext } from "./context.ts";

/** One server-sent event. */
export interface SseMessage {
  /** Its name. */
  readonly event: string;
  /** What it carries, sent as JSON. */
  readonly data: object;
}

/** How often a silent stream says that it is there, in milliseconds. */
const KEEP_ALIVE_MS = 15_000;

/**
 * A reply of server-sent events. When the caller goes, the signal fires and the events end.
 *
 * @param produce Gives the events; what it throws must have become an event.
 */
export function sse(
  c: AppContext,
  produce: (signal: AbortSignal) => AsyncGenerator<SseMessage, void, void>,
): Response {
  const gone = new AbortController();
  const events = produce(AbortSignal.any([c.req.raw.signal, gone.signal]));
  const encoder = new TextEncoder();
  let beat: ReturnType<typeof setInterval> | undefined;
  const body = new ReadableStream<Uint8Array>({
    start(controller): void {
      beat = setInterval(() => controller.enqueue(encoder.encode(": \n\n")), KEEP_ALIVE_MS);
    },
    async pull(controller): Promise<void> {
      try {
        const { done, value } = await events.next();
        if (!done) {
          const text = `event: ${value.event}\ndata: ${JSON.stringify(value.data)}\n\n`;
          return controller.enqueue(encoder.encode(text));
        }
      } catch {
        // the caller is gone: nobody is left to read it
      }
      clearInterval(beat);
      controller.close();
    },
    async cancel(reason): Promise<void> {
      clearInterval(beat);
      gone.abort(reason);
      await events.return();
    },
  });
  return c.body(body, 200, {
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
  });
}

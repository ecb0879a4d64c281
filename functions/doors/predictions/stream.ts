import { type JobEvent, resultsOf } from "../../contract/job.ts";
import { type AppContext, baseUrl, type DoorContext } from "../../http/context.ts";
import { sse, type SseMessage } from "../../http/sse.ts";
import { address, prefersData, publicId, toPrediction } from "./prediction.ts";

/** What a prediction tells, under cog's names of events, with previews beside them. */
export function streamPrediction(
  c: AppContext,
  context: DoorContext,
  id: string,
  cancelWhenGone: boolean,
): Response {
  return sse(c, (signal) => messages(c, context, id, signal, cancelWhenGone));
}

async function* messages(
  c: AppContext,
  context: DoorContext,
  id: string,
  signal: AbortSignal,
  cancelWhenGone: boolean,
): AsyncGenerator<SseMessage, void, void> {
  const { queue } = context;
  let ended = false;
  const { job } = await queue.find(id);
  for (const warning of job.warnings ?? []) {
    yield { event: "log", data: { source: "stderr", data: `${warning}\n` } };
  }
  try {
    for await (const event of queue.follow(id, signal)) {
      ended = event.type === "succeeded" || event.type === "failed" || event.type === "canceled";
      const message = await toMessage(c, context, id, event);
      if (message !== undefined) yield message;
    }
    yield { event: "completed", data: await toPrediction(c, context, await queue.find(id)) };
  } finally {
    if (!ended && cancelWhenGone) await queue.cancel(id);
  }
}

async function toMessage(
  c: AppContext,
  context: DoorContext,
  id: string,
  event: JobEvent,
): Promise<SseMessage | undefined> {
  const base = baseUrl(c, context);
  switch (event.type) {
    case "started":
      return { event: "start", data: { id: publicId(id), status: "processing" } };
    case "step": {
      const { step, of, etaMs } = event;
      return { event: "metric", data: { name: "progress", step, of, eta_ms: etaMs } };
    }
    case "preview": {
      const { index, step, image } = event;
      const bytes = image.bytes.toBase64();
      const preview = `data:${image.mediaType};base64,${bytes}`;
      return { event: "preview", data: { index, step, preview } };
    }
    case "warning":
      return { event: "log", data: { source: "stderr", data: `${event.message}\n` } };
    case "succeeded": {
      const asData = prefersData(c);
      const output = resultsOf(event).map((result) => address(context, result, base, asData));
      return { event: "output", data: { output: await Promise.all(output) } };
    }
    default:
      return undefined;
  }
}

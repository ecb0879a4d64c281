import type { EncodedImage, Job, JobEvent } from "../../contract/job.ts";
import { toServeError } from "../../contract/errors.ts";
import { callerOf } from "../../http/caller.ts";
import { type AppContext, baseUrl, type DoorContext } from "../../http/context.ts";
import { planJob, type PlanOptions, type RunRequest } from "../../http/plan.ts";
import { followOwn, runToEnd, throwIfFailed } from "../../http/run.ts";
import { setServerTiming } from "../../http/server_timing.ts";
import { sse, type SseMessage } from "../../http/sse.ts";
import { storeResult } from "../../storage/store_result.ts";
import { errorBody } from "./errors.ts";
import { NAMES } from "./request.ts";
import type { ImageFields } from "./schemas.ts";

/** Makes the images of a request and answers with them, at once or as a stream. */
export async function answer(
  c: AppContext,
  context: DoorContext,
  fields: ImageFields,
  request: RunRequest,
  kind: "image_generation" | "image_edit",
  aside: Pick<PlanOptions, "warnings" | "others">,
): Promise<Response> {
  const caller = callerOf(c);
  const { signal } = caller;
  const job = await planJob(context, request, { ...caller, names: NAMES, ...aside });
  if (fields.stream) {
    await context.queue.submit(job);
    return sse(c, (gone) => stream(context, job, gone, kind, fields.progress ?? false));
  }
  const finished = await runToEnd(context.queue, job, signal);
  setServerTiming(c, finished);
  const { images, warnings } = finished;
  const asUrl = fields.response_format === "url";
  const data = await Promise.all(images.map(async (image) => ({
    ...(asUrl
      ? { url: await storeResult(context.store, image, baseUrl(c, context)) }
      : { b64_json: image.bytes.toBase64() }),
    recipe: image.recipe,
  })));
  return c.json({ ...facts(job, images[0]), data, usage: USAGE, warnings });
}

/** Nothing is counted in tokens here. */
const USAGE = {
  input_tokens: 0,
  output_tokens: 0,
  total_tokens: 0,
  input_tokens_details: { text_tokens: 0, image_tokens: 0 },
};

/** What replies say beside the images. */
function facts(job: Job, image: EncodedImage | undefined) {
  return {
    created: Math.floor(Date.now() / 1000),
    size: image === undefined ? "auto" : `${image.width}x${image.height}`,
    quality: "auto",
    background: "opaque",
    output_format: job.input.format,
  };
}

async function* stream(
  { queue }: DoorContext,
  job: Job,
  signal: AbortSignal,
  kind: string,
  progress: boolean,
): AsyncGenerator<SseMessage, void, void> {
  const warnings = [...job.warnings ?? []];
  try {
    for await (const event of followOwn(queue, job, signal)) {
      throwIfFailed(event, job);
      if (event.type === "warning") warnings.push(event.message);
      yield* messages(event, job, kind, progress, warnings);
    }
  } catch (error) {
    yield { event: "error", data: { type: "error", ...errorBody(toServeError(error)) } };
  }
}

/** An event of the queue in the words of this door. */
function* messages(
  event: JobEvent,
  job: Job,
  kind: string,
  progress: boolean,
  warnings: readonly string[],
): Generator<SseMessage, void, void> {
  const message = (name: string, data: object): SseMessage => ({
    event: `${kind}.${name}`,
    data: { type: `${kind}.${name}`, ...data },
  });
  if (event.type === "preview") {
    const { created: created_at, ...rest } = facts(job, event.image);
    const b64_json = event.image.bytes.toBase64();
    const place = { partial_image_index: event.index, step: event.step };
    yield message("partial_image", { ...place, b64_json, created_at, ...rest });
  } else if (event.type === "succeeded") {
    for (const image of event.images) {
      const { created: created_at, ...rest } = facts(job, image);
      const b64_json = image.bytes.toBase64();
      const { recipe } = image;
      yield message("completed", {
        ...{ b64_json, created_at, ...rest, usage: USAGE, recipe, warnings },
      });
    }
  } else if (!progress) {
    return;
  } else if (event.type === "step") {
    const { step, of, stepMs, etaMs, at } = event;
    yield message("step", { step, of, step_ms: stepMs, eta_ms: etaMs, done_at: at });
  } else if (event.type === "queued") {
    yield message("queued", { position: event.position });
  } else if (event.type === "started") {
    yield message("started", { attempt: event.attempt });
  } else if (event.type === "warning") {
    yield message("warning", { message: event.message });
  }
}

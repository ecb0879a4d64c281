import type { EncodedImage, JobInput } from "../../contract/job.ts";
import { type AppContext, baseUrl, type DoorContext } from "../../http/context.ts";
import type { JobRecord, JobStatus } from "../../queue/queue.ts";
import { storeImage } from "../../storage/store_image.ts";

const STATUS: Readonly<Record<JobStatus, string>> = {
  queued: "starting",
  running: "processing",
  succeeded: "succeeded",
  failed: "failed",
  canceled: "canceled",
};

/**
 * A job as its prediction.
 *
 * @param inline Whether images that lie in no store are in it, as data URLs.
 */
export async function toPrediction(
  c: AppContext,
  context: DoorContext,
  record: JobRecord,
  { inline = true }: { readonly inline?: boolean } = {},
): Promise<object> {
  const { job, status, latest, startedAt, endedAt } = record;
  const base = baseUrl(c, context);
  const id = publicId(job.id);
  const get = `${base}${c.req.path.startsWith("/v1/") ? "/v1" : ""}/predictions/${id}`;
  const { step, succeeded, failed } = latest;
  return {
    id,
    model: job.model,
    version: job.model,
    status: failed?.failure.code === "expired" ? "canceled" : STATUS[status],
    input: describeInput(job.input),
    output: succeeded === undefined || !inline && !context.storesResults
      ? null
      : await Promise.all(succeeded.images.map((image) => address(context, image, base))),
    error: failed?.failure.message ?? null,
    logs: [...job.warnings ?? [], ...record.warnings].join("\n"),
    metrics: startedAt === undefined || endedAt === undefined
      ? {}
      : { predict_time: (endedAt - startedAt) / 1000 },
    created_at: new Date(job.createdAt).toISOString(),
    started_at: timestamp(startedAt),
    completed_at: timestamp(endedAt),
    queue_position: status === "queued" ? record.position : null,
    progress: step === undefined ? null : { step: step.step, of: step.of, eta_ms: step.etaMs },
    urls: { get, cancel: `${get}/cancel`, stream: `${get}/stream` },
  };
}

/** The id as its caller knows it; in the queue it begins with its owner. */
export function publicId(id: string): string {
  return id.slice(id.indexOf(":") + 1);
}

/** A time as text. */
export function timestamp(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}

/** What the prediction was asked with; files are left out. */
export function describeInput(input: JobInput): object {
  return {
    prompt: input.prompt,
    negative_prompt: input.negativePrompt,
    width: input.width,
    height: input.height,
    num_outputs: input.count,
    num_inference_steps: input.steps,
    guidance_scale: input.guidanceScale,
    strength: input.strength,
    scheduler: input.scheduler,
    seed: input.seed,
    output_format: input.format,
  };
}

/** Addresses of images that are stored already. */
const stored = new WeakMap<EncodedImage, Promise<string>>();

/** An image as a data URL, or its address where results are stored. */
export async function address(
  { store, storesResults }: DoorContext,
  image: EncodedImage,
  base: string,
): Promise<string> {
  if (!storesResults) return `data:${image.mediaType};base64,${image.bytes.toBase64()}`;
  const known = stored.get(image) ?? storeImage(store, image, base);
  stored.set(image, known);
  return await known;
}

import { type EncodedFile, type JobInput, resultsOf } from "../../contract/job.ts";
import { type AppContext, baseUrl, type DoorContext } from "../../http/context.ts";
import type { JobRecord, JobStatus } from "../../queue/queue.ts";
import { storeResult } from "../../storage/store_result.ts";

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
 * @param inline Whether results that lie in no store are in it, as data URLs.
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
  const asData = inline && prefersData(c);
  return {
    id,
    model: job.model,
    version: job.model,
    status: failed?.failure.code === "expired" ? "canceled" : STATUS[status],
    input: describeInput(job.input),
    output: succeeded === undefined || !inline && !context.storesResults ? null : await Promise.all(
      resultsOf(succeeded).map((result) => address(context, result, base, asData)),
    ),
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

/** Whether a caller prefers results in the answer itself to their addresses (RFC 7240, 4.2). */
export function prefersData(c: AppContext): boolean {
  return /\breturn=representation\b/.test(c.req.header("prefer") ?? "");
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
    audio_length_in_s: input.seconds,
    lyrics: input.lyrics,
    num_outputs: input.count,
    num_inference_steps: input.steps,
    guidance_scale: input.guidanceScale,
    strength: input.strength,
    scheduler: input.scheduler,
    seed: input.seed,
    output_format: input.format,
  };
}

/** Addresses of results that are stored already. */
const stored = new WeakMap<EncodedFile, Promise<string>>();

/** A result as a data URL, or its address where results are stored. */
export async function address(
  { store, storesResults }: DoorContext,
  result: EncodedFile,
  base: string,
  asData = false,
): Promise<string> {
  if (asData || !storesResults) {
    return `data:${result.mediaType};base64,${result.bytes.toBase64()}`;
  }
  const known = stored.get(result) ?? storeResult(store, result, base);
  stored.set(result, known);
  return await known;
}

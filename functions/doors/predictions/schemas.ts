import { z } from "@hono/zod-openapi";
import { type Limits, MAX_SECONDS } from "../../contract/limits.ts";
import { TASKS } from "../../contract/job.ts";
import { flag, integer, oneOf, optional, real, seed, text } from "../../http/fields.ts";
import { WEBHOOK_EVENTS } from "./webhooks.ts";

/** The fields of `input`, as predictions of such models have them. */
function inputSchema(limits: Limits) {
  const longest = Math.ceil(limits.maxImageBytes * 4 / 3) + 64;
  const image = z.string({ error: "must be an image as a data URL" })
    .max(longest, { error: "must be an image as a data URL" });
  return z.object({
    prompt: optional(text(limits.maxPromptBytes)),
    negative_prompt: optional(text(limits.maxPromptBytes)),
    image: optional(image),
    mask: optional(image),
    task: optional(oneOf(...TASKS)),
    width: optional(integer(8, limits.maxSide)),
    height: optional(integer(8, limits.maxSide)),
    audio_length_in_s: optional(real(0, MAX_SECONDS)),
    lyrics: optional(text(limits.maxPromptBytes)),
    num_outputs: optional(integer(1, limits.maxImages)),
    num_inference_steps: optional(integer(1, limits.maxSteps)),
    guidance_scale: optional(real(0, 100)),
    strength: optional(real(0, 1)),
    prompt_strength: optional(real(0, 1)),
    eta: optional(real(0, 1)),
    clip_skip: optional(integer(0, 12)),
    prompt_syntax: optional(oneOf("compel", "a1111")),
    scheduler: optional(text(100)),
    seed: optional(seed()),
    output_format: optional(oneOf("png", "jpeg", "jpg", "webp", "wav")),
    output_quality: optional(integer(1, 100)),
    previews: optional(integer(0, limits.maxPreviews)),
  }, { error: "must be an object" }).openapi("PredictionInput");
}

/** Body of a request for a prediction. */
export function predictionSchema(limits: Limits) {
  return z.object({
    input: inputSchema(limits),
    id: optional(predictionId),
    model: optional(text(200)),
    version: optional(text(200)),
    stream: optional(flag()),
    webhook: optional(text(2_000)),
    webhook_events_filter: optional(
      z.array(oneOf(...WEBHOOK_EVENTS), {
        error: `must be a list of ${WEBHOOK_EVENTS.join(", ")}`,
      }).max(WEBHOOK_EVENTS.length, {
        error: `must be a list of ${WEBHOOK_EVENTS.length} at most`,
      }),
    ),
  }).openapi("PredictionRequest");
}

/** What is understood of it. */
export type PredictionBody = z.output<ReturnType<typeof predictionSchema>>;

/** An id of the caller's own. */
export const predictionId: z.ZodString = z.string({ error: "must be a text" }).regex(
  /^[A-Za-z0-9_-]{1,100}$/,
  { error: "must be 1 to 100 letters, digits, - or _" },
);

/** A prediction, at any time of its life. */
export const Prediction: z.ZodType = z.object({
  id: z.string(),
  model: z.string(),
  version: z.string(),
  status: z.enum(["starting", "processing", "succeeded", "failed", "canceled"]),
  input: z.record(z.string(), z.any()),
  output: z.array(z.string()).nullable(),
  error: z.string().nullable(),
  logs: z.string(),
  metrics: z.object({ predict_time: z.number() }).or(z.object({})),
  created_at: z.string(),
  started_at: z.string().nullable(),
  completed_at: z.string().nullable(),
  queue_position: z.int().nullable(),
  progress: z.object({ step: z.int(), of: z.int(), eta_ms: z.number() }).nullable(),
  urls: z.object({ get: z.string(), cancel: z.string(), stream: z.string() }),
}).openapi("Prediction");

/** Every error of this door. */
export const Problem: z.ZodType = z.object({
  title: z.string(),
  detail: z.string(),
  status: z.int(),
  field: z.string().optional(),
}).openapi("Problem");

import { type OpenAPIHono, z } from "@hono/zod-openapi";
import { longestAudio, pixelLimits } from "../../contract/size_limits.ts";
import type { AppEnv, DoorContext } from "../../http/context.ts";
import { route } from "../../http/route.ts";

/** GET /v1/schedulers and /v1/capabilities: what a client can offer its user. */
export function mountCapabilities(app: OpenAPIHono<AppEnv>, context: DoorContext): void {
  const Schedulers = z.object({
    object: z.literal("list"),
    data: z.array(z.object({ id: z.string(), object: z.literal("scheduler") })),
  }).openapi("SchedulerList");
  route(app, {
    method: "get",
    path: "/v1/schedulers",
    summary: "The schedulers that requests can name",
    tags: ["models"],
    responses: {
      200: { description: "Class names", content: { "application/json": { schema: Schedulers } } },
    },
  }, (c) => {
    const data = context.schedulers.map((id) => ({ id, object: "scheduler" }));
    return c.json({ object: "list", data });
  });

  const Capabilities = z.object({
    models: z.array(z.record(z.string(), z.any())),
    schedulers: z.array(z.string()),
    limits: z.record(z.string(), z.number()),
    output_formats: z.array(z.string()),
  }).openapi("Capabilities");
  route(app, {
    method: "get",
    path: "/v1/capabilities",
    summary: "Models with their tasks and sizes, schedulers, and the limits of a request",
    tags: ["models"],
    responses: {
      200: {
        description: "What can be asked for",
        content: { "application/json": { schema: Capabilities } },
      },
    },
  }, async (c) => {
    const { state } = context.models;
    const { limits, schedulers } = context;
    const { maxPixels: keyPixels } = context.quotaOf(c.var.owner);
    return c.json({
      models: state.phase === "ready"
        ? state.models.map((model) => ({
          ...model,
          ...model.makes === "audio"
            ? { max_seconds: longestAudio(model, limits) }
            : { pixels: pixelLimits(model, { ...limits, keyPixels }) },
        }))
        : [],
      schedulers,
      limits: {
        steps: limits.maxSteps,
        images: limits.maxImages,
        side: limits.maxSide,
        pixels: limits.maxPixels,
        prompt_bytes: limits.maxPromptBytes,
        image_bytes: limits.maxImageBytes,
        previews: limits.maxPreviews,
        queue: (await context.queue.depth()).bound,
      },
      output_formats: ["png", "jpeg", "webp", "wav"],
    });
  });
}

import { type OpenAPIHono, z } from "@hono/zod-openapi";
import { ServeError } from "../../contract/errors.ts";
import type { ModelInfo } from "../../contract/model_info.ts";
import type { AppEnv, DoorContext } from "../../http/context.ts";
import { route } from "../../http/route.ts";
import { ErrorResponse } from "./schemas.ts";

const Model = z.object({
  id: z.string(),
  object: z.literal("model"),
  created: z.int(),
  owned_by: z.string(),
  pipeline: z.string(),
  tasks: z.array(z.string()),
  state: z.enum(["loaded", "unloaded"]),
}).openapi("Model");

const started = Math.floor(Date.now() / 1000);

function describe({ id, pipeline, tasks, state = "loaded" }: ModelInfo): z.output<typeof Model> {
  return {
    id,
    object: "model",
    created: started,
    owned_by: "denoise",
    pipeline,
    tasks: [...tasks],
    state,
  };
}

function loaded({ models: { state } }: DoorContext): readonly ModelInfo[] {
  return state.phase === "ready" ? state.models : [];
}

/** GET /v1/models and /v1/models/ID. */
export function mountModels(app: OpenAPIHono<AppEnv>, context: DoorContext): void {
  const List = z.object({ object: z.literal("list"), data: z.array(Model) }).openapi("ModelList");
  route(app, {
    method: "get",
    path: "/v1/models",
    summary: "The models, in memory or loaded when they are asked for",
    tags: ["models"],
    responses: {
      200: { description: "The models", content: { "application/json": { schema: List } } },
    },
  }, (c) => c.json({ object: "list", data: loaded(context).map(describe) }));

  route(app, {
    method: "get",
    path: "/v1/models/{id}",
    summary: "One model",
    tags: ["models"],
    request: { params: z.object({ id: z.string() }) },
    responses: {
      200: { description: "The model", content: { "application/json": { schema: Model } } },
      404: {
        description: "There is no such model",
        content: { "application/json": { schema: ErrorResponse } },
      },
    },
  }, (c) => {
    const id = c.req.param("id") ?? "";
    const found = loaded(context).find((model) => model.id === id);
    if (found !== undefined) return c.json(describe(found));
    const message = `There is no model ${JSON.stringify(id.slice(0, 100))} here`;
    throw new ServeError("model_not_found", message, { field: "id" });
  });
}

import { type OpenAPIHono, z } from "@hono/zod-openapi";
import { ServeError } from "../../contract/errors.ts";
import type { ModelInfo } from "../../contract/model_info.ts";
import { type AppContext, type AppEnv, baseUrl, type DoorContext } from "../../http/context.ts";
import { type Operation, route } from "../../http/route.ts";

const started = new Date().toISOString();

/** A model has one version, which is called as the model is. */
function versionOf({ id }: ModelInfo): object {
  const Output = { type: "array", items: { type: "string", format: "uri" } };
  return {
    id,
    created_at: started,
    cog_version: "0.16.0", // whose schemas say what is an iterator; before 0.3.9 every list was one
    openapi_schema: { openapi: "3.1.0", components: { schemas: { Output } } },
  };
}

/** The model that a path names, by its whole name or the last part of it. */
function modelIn(c: AppContext, { models: { state } }: DoorContext): ModelInfo {
  const { owner, name } = c.req.param() as { owner: string; name: string };
  const loaded = state.phase === "ready" ? state.models : [];
  const found = loaded.find(({ id }) => id === `${owner}/${name}`) ??
    loaded.find(({ id }) => id === name);
  if (found !== undefined) return found;
  const message = `There is no model ${JSON.stringify(`${owner}/${name}`.slice(0, 100))} here`;
  throw new ServeError("model_not_found", message);
}

/** GET /v1/models/OWNER/NAME and its versions, as Replicate's clients look at a model. */
export function mountVersions(
  app: OpenAPIHono<AppEnv>,
  context: DoorContext,
  shared: Pick<Operation, "tags" | "responses">,
): void {
  const params = z.object({ owner: z.string(), name: z.string() });
  const json = { description: "It", content: { "application/json": { schema: z.any() } } };
  const get = (path: string, summary: string, answer: (c: AppContext) => object): void =>
    route(app, {
      ...shared,
      method: "get",
      path: `/v1/models/{owner}/{name}${path}`,
      summary,
      request: {
        params: path.includes("{version}") ? params.extend({ version: z.string() }) : params,
      },
      responses: { ...shared.responses, 200: json },
    }, (c) => c.json(answer(c)));

  get("", "A model, as Replicate tells of it", (c) => {
    const model = modelIn(c, context);
    const { owner, name } = c.req.param() as { owner: string; name: string };
    return {
      url: `${baseUrl(c, context)}/v1/models/${owner}/${name}`,
      owner,
      name,
      description: `${model.pipeline}: ${model.tasks.join(", ")}`,
      visibility: "private",
      github_url: null,
      paper_url: null,
      license_url: null,
      run_count: 0,
      cover_image_url: null,
      default_example: null,
      latest_version: versionOf(model),
    };
  });
  get("/versions", "The version of a model", (c) => ({
    previous: null,
    next: null,
    results: [versionOf(modelIn(c, context))],
  }));
  get("/versions/{version}", "A version of a model", (c) => {
    const model = modelIn(c, context);
    if (c.req.param("version") === model.id) return versionOf(model);
    throw new ServeError("not_found", `There is no such version; the one there is is ${model.id}`);
  });
}

import { type OpenAPIHono, z } from "@hono/zod-openapi";
import { invalid } from "../../contract/errors.ts";
import { type AppEnv, baseUrl, type DoorContext } from "../../http/context.ts";
import { type Operation, route } from "../../http/route.ts";
import { publicId, toPrediction } from "./prediction.ts";
import { Prediction, predictionId } from "./schemas.ts";

/** Predictions of a page. */
const PAGE = 100;

const Page = z.object({
  next: z.string().nullable(),
  previous: z.string().nullable(),
  results: z.array(Prediction),
}).openapi("PredictionPage");

/** Where a page begins, as text that callers hand back: the id of the last prediction before it. */
const toCursor = (id: string): string =>
  new TextEncoder().encode(id).toBase64({ alphabet: "base64url" });

function fromCursor(text: string): string {
  try {
    const id = new TextDecoder().decode(Uint8Array.fromBase64(text, { alphabet: "base64url" }));
    if (predictionId.safeParse(id).success) return id;
  } catch {
    // it is no base64
  }
  throw invalid("cursor", "cursor must be that of a page's next or previous");
}

/** GET /predictions: the key's own, the newest first. */
export function mountList(
  app: OpenAPIHono<AppEnv>,
  context: DoorContext,
  prefix: string,
  shared: Pick<Operation, "tags" | "responses">,
): void {
  const { queue } = context;
  route(app, {
    ...shared,
    method: "get",
    path: `${prefix}/predictions`,
    summary: "The predictions of this key that are under way or kept, the newest first",
    description:
      "A hundred a page, a thousand in all. Where results are no addresses of a store, " +
      "a prediction by itself has them in `output`, and here that is null.",
    request: { query: z.object({ cursor: z.string().optional() }) },
    responses: {
      ...shared.responses,
      200: { description: "A page", content: { "application/json": { schema: Page } } },
    },
  }, async (c) => {
    const ids = await queue.idsOf(c.var.owner);
    const cursor = c.req.query("cursor");
    const after = cursor === undefined ? undefined : `${c.var.owner}:${fromCursor(cursor)}`;
    const from = after === undefined ? 0 : placeAfter(ids, after);
    const page = ids.slice(from, from + PAGE);
    const address = `${baseUrl(c, context)}${prefix}/predictions`;
    const pageAfter = (id: string | undefined): string | null =>
      id === undefined ? null : `${address}?cursor=${toCursor(publicId(id))}`;
    const records = await queue.findAll(page);
    const results = records.map((record) => toPrediction(c, context, record, { inline: false }));
    return c.json({
      next: from + PAGE < ids.length ? pageAfter(page.at(-1)) : null,
      previous: from === 0 ? null : from <= PAGE ? address : pageAfter(ids[from - PAGE - 1]),
      results: await Promise.all(results),
    });
  });
}

function placeAfter(ids: readonly string[], id: string): number {
  const at = ids.indexOf(id);
  if (at < 0) {
    throw invalid("cursor", "cursor is of a prediction that is no longer kept; begin again");
  }
  return at + 1;
}

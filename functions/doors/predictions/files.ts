import { type OpenAPIHono, z } from "@hono/zod-openapi";
import { invalid, ServeError } from "../../contract/errors.ts";
import { type Form, formFile, readForm } from "../../http/body.ts";
import { type AppContext, type AppEnv, baseUrl, type DoorContext } from "../../http/context.ts";
import { type Operation, route } from "../../http/route.ts";

/** Ids of uploads, which cannot be guessed; results have other names. */
const ID = /^in-[0-9a-f]{32}$/;

/** An uploaded file, as Replicate tells of it. */
export const UploadedFile: z.ZodType = z.object({
  id: z.string(),
  name: z.string(),
  content_type: z.string(),
  size: z.int(),
  etag: z.string(),
  checksums: z.object({ sha256: z.string() }),
  metadata: z.record(z.string(), z.any()),
  created_at: z.string(),
  expires_at: z.string().nullable(),
  urls: z.object({ get: z.string() }),
}).openapi("UploadedFile");

async function describe(c: AppContext, context: DoorContext, id: string, bytes: Uint8Array) {
  const digest = await crypto.subtle.digest("SHA-256", bytes.slice());
  const sha256 = new Uint8Array(digest).toHex();
  return {
    id,
    name: id,
    content_type: "application/octet-stream",
    size: bytes.length,
    etag: sha256,
    checksums: { sha256 },
    metadata: {},
    created_at: new Date().toISOString(),
    expires_at: null,
    urls: { get: `${baseUrl(c, context)}/v1/files/${id}` },
  };
}

async function stored({ store }: DoorContext, id: string): Promise<Uint8Array> {
  const file = ID.test(id) ? await store.get(id) : undefined;
  if (file !== undefined) return file.bytes;
  throw new ServeError("not_found", "There is no such file, or it is no longer kept");
}

/**
 * POST /files, and looking at one or deleting it: clients of Replicate upload what predictions are given
 * before they ask for them, and name the address that they were given.
 */
export function mountFiles(
  app: OpenAPIHono<AppEnv>,
  context: DoorContext,
  shared: Pick<Operation, "tags" | "responses">,
): void {
  const { limits } = context;
  const content = { "application/json": { schema: UploadedFile } };
  const made = { description: "The file", content };
  for (const path of ["/files", "/v1/files"]) {
    route(app, {
      ...shared,
      method: "post",
      path,
      summary: "Upload an image that predictions can be given",
      request: { body: { required: true, content: { "multipart/form-data": { schema: Upload } } } },
      responses: { ...shared.responses, 201: made },
    }, async (c) => {
      const form: Form = await readForm(c, limits.maxUploadBytes);
      const bytes = formFile(form, "content");
      if (bytes === undefined) throw invalid("content", "content is missing; it must be a file");
      if (bytes.length > limits.maxImageBytes) {
        const message =
          `content can be ${limits.maxImageBytes} bytes at most, but is ${bytes.length}`;
        throw new ServeError("payload_too_large", message, { field: "content" });
      }
      const id = `in-${crypto.getRandomValues(new Uint8Array(16)).toHex()}`;
      await context.store.put(id, { bytes, mediaType: "application/octet-stream" });
      return c.json(await describe(c, context, id, bytes), 201);
    });
  }
  const params = z.object({ id: z.string() });
  route(app, {
    ...shared,
    method: "get",
    path: "/v1/files/{id}",
    summary: "What is known of an upload",
    request: { params },
    responses: { ...shared.responses, 200: made },
  }, async (c) => {
    const id = c.req.param("id") ?? "";
    return c.json(await describe(c, context, id, await stored(context, id)));
  });
  route(app, {
    ...shared,
    method: "delete",
    path: "/v1/files/{id}",
    summary: "Drop an upload",
    request: { params },
    responses: { ...shared.responses, 204: { description: "It is gone" } },
  }, async (c) => {
    const id = c.req.param("id") ?? "";
    await stored(context, id);
    await context.store.delete(id);
    return c.body(null, 204);
  });
}

const Upload = z.object({
  content: z.any().openapi({ type: "string", format: "binary" }),
  metadata: z.any().optional(),
});

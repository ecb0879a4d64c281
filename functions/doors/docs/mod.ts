/**
 * The page at `/docs` on which the API is read and tried: Swagger UI from its npm package, over this
 * server's own description. It loads nothing from anywhere else.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import packageFolder from "swagger-ui-dist/absolute-path.js";
import type { AppEnv, DoorContext } from "../../http/context.ts";
import { inPieces } from "../../http/in_pieces.ts";
import { route } from "../../http/route.ts";
import type { Door } from "../door.ts";
import { errorBody } from "../openai/errors.ts";

/** A file, where it is, and its media type. */
interface Part {
  readonly isOwn: boolean;
  readonly mediaType: string;
}

const script = "text/javascript; charset=utf-8";

/** The parts of the page; those that are not our own lie in the package. */
const PARTS: Readonly<Record<string, Part>> = {
  "start.js": { isOwn: true, mediaType: script },
  "swagger-ui-bundle.js": { isOwn: false, mediaType: script },
  "swagger-ui.css": { isOwn: false, mediaType: "text/css; charset=utf-8" },
};

/** Nothing but this server, and the images in Swagger UI's own style sheet. */
const POLICY = "default-src 'self'; img-src 'self' data: blob:; base-uri 'none'; " +
  "form-action 'none'; frame-ancestors 'none'";

/** The files that were asked for: a thousand readers of one share its bytes. */
const files = new Map<string, Promise<Uint8Array<ArrayBuffer>>>();

function fileOf(name: string, isOwn: boolean): Promise<Uint8Array<ArrayBuffer>> {
  const known = files.get(name) ?? read(name, isOwn);
  files.set(name, known);
  known.catch(() => files.delete(name));
  return known;
}

async function read(name: string, isOwn: boolean): Promise<Uint8Array<ArrayBuffer>> {
  if (!isOwn) return new Uint8Array(await readFile(`${packageFolder()}/${name}`));
  const response = await fetch(new URL(`./page/${name}`, import.meta.url));
  return new Uint8Array(await response.arrayBuffer());
}

function mount(app: OpenAPIHono<AppEnv>, _context: DoorContext): void {
  route(app, {
    method: "get",
    path: "/docs",
    summary: "The page on which this API is read and tried",
    tags: ["operations"],
    responses: {
      200: { description: "The page", content: { "text/html": { schema: z.string() } } },
    },
  }, async (c) => {
    const headers = {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": POLICY,
    };
    return c.body(inPieces(await fileOf("index.html", true)), 200, headers);
  });
  route(app, {
    method: "get",
    path: "/docs/{file}",
    summary: "A part of that page",
    tags: ["operations"],
    request: { params: z.object({ file: z.string() }) },
    responses: {
      200: { description: "The part", content: { "text/plain": { schema: z.string() } } },
      404: { description: "There is no such part" },
    },
  }, async (c) => {
    const file = c.req.param("file") ?? "";
    if (!Object.hasOwn(PARTS, file)) return c.notFound();
    const { isOwn, mediaType } = PARTS[file]!;
    const headers = { "content-type": mediaType, "cache-control": "public, max-age=3600" };
    const bytes = await fileOf(file, isOwn);
    return c.body(inPieces(bytes), 200, { ...headers, "content-length": `${bytes.length}` });
  });
}

/** /docs. */
export const docsDoor: Door = {
  name: "docs",
  owns: (path) => path === "/docs" || path.startsWith("/docs/"),
  isPublic: () => true,
  mount,
  errorBody,
};

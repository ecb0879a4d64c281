/**
 * The playground at `/`: a page that draws through the images routes, makes audio by predictions, and loads nothing from
 * anywhere else. A client that does not ask for HTML gets what there is to ask for instead.
 *
 * @module
 */
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import type { AppEnv, DoorContext } from "../../http/context.ts";
import { route } from "../../http/route.ts";
import type { Door } from "../door.ts";
import { errorBody } from "../openai/errors.ts";

/** The files of the page; each part of it is a module of its own, and nothing is built. */
const FILES: ReadonlySet<string> = new Set([
  "index.html",
  "logo.svg",
  ...["style.css", "form.css", "stage.css", "dialogs.css"],
  ...["main", "dom", "message", "api", "greet", "settings", "memory", "names"].map(script),
  ...[
    "form",
    "examples",
    "sizes",
    "seed",
    "checks",
    "compare",
    "loras",
    "controls",
    "own_options",
    "given",
  ].map(
    script,
  ),
  ...["start", "editor", "mask", "zoom", "recipe"].map(script),
  ...["runs", "frame", "noise", "entry", "actions", "lightbox"].map(script),
  ...["gallery", "store", "zip", "confirm", "snippets", "clipboard", "audio", "files"].map(
    script,
  ),
]);

function script(name: string): string {
  return `${name}.js`;
}

/** Media types by the end of a file's name. */
const MEDIA_TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml; charset=utf-8",
};

/** Nothing but this server, and images and audio that the page has made. */
const POLICY =
  "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; base-uri 'none'; " +
  "form-action 'none'; frame-ancestors 'none'";

const BASE = "/playground/";

async function readFile(name: string): Promise<string> {
  const response = await fetch(new URL(`./page/${name}`, import.meta.url));
  return await response.text();
}

/** The door of the page. */
export const playgroundDoor: Door = {
  name: "playground",
  owns: (path, method) =>
    (path === "/" && (method === "GET" || method === "HEAD")) || path.startsWith(BASE),
  isPublic: () => true,
  mount,
  errorBody,
};

function mount(app: OpenAPIHono<AppEnv>, _context: DoorContext): void {
  const page = async (name: string) => ({
    text: await readFile(name),
    headers: {
      "content-type": MEDIA_TYPES[name.split(".").at(-1)!]!,
      "content-security-policy": POLICY,
    },
  });
  const Index = z.object({ name: z.string(), links: z.record(z.string(), z.string()) });
  route(app, {
    method: "get",
    path: "/",
    summary: "The playground, or for clients that take JSON the addresses of this server",
    tags: ["playground"],
    responses: {
      200: {
        description: "The page, or the addresses",
        content: { "text/html": { schema: z.string() }, "application/json": { schema: Index } },
      },
    },
  }, async (c) => {
    if (!(c.req.header("accept") ?? "").includes("text/html")) {
      const links = {
        images: "/v1/images/generations",
        predictions: "/predictions",
        models: "/v1/models",
        capabilities: "/v1/capabilities",
        docs: "/docs",
        description: "/openapi.json",
        ready: "/readyz",
      };
      return c.json({ name: "denoise", links });
    }
    const { text, headers } = await page("index.html");
    return c.body(text, 200, headers);
  });
  route(app, {
    method: "get",
    path: `${BASE}{file}`,
    summary: "A part of the playground",
    tags: ["playground"],
    request: { params: z.object({ file: z.string() }) },
    responses: {
      200: { description: "The part", content: { "text/plain": { schema: z.string() } } },
      404: { description: "There is no such part" },
    },
  }, async (c) => {
    const file = c.req.param("file") ?? "";
    if (!FILES.has(file)) return c.notFound();
    const { text, headers } = await page(file);
    return c.body(text, 200, headers);
  });
}

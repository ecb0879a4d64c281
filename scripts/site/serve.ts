const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript",
  css: "text/css",
  json: "application/json",
  svg: "image/svg+xml",
  png: "image/png",
  jpg: "image/jpeg",
  webp: "image/webp",
  woff2: "font/woff2",
};

/** Serves a built site as GitHub Pages does: `/page` is page.html, `/folder/` its index.html. */
export function serveFolder(
  folder: string,
  base: string,
  port: number,
): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ port, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const path = decodeURIComponent(new URL(request.url).pathname);
    if (!path.startsWith(base) || path.includes("..")) return new Response("", { status: 404 });
    const inside = path.slice(base.length);
    const names = inside === "" || inside.endsWith("/")
      ? [`${inside}index.html`]
      : [inside, `${inside}.html`];
    for (const name of names) {
      const body = await Deno.readFile(`${folder}/${name}`).catch(() => undefined);
      if (body === undefined) continue;
      const type = TYPES[name.slice(name.lastIndexOf(".") + 1)] ?? "application/octet-stream";
      return new Response(body, { headers: { "content-type": type } });
    }
    return new Response("", { status: 404 });
  });
}

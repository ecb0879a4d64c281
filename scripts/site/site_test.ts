/**
 * The documentation site, built and tried: links and anchors, what a browser asks for, axe, search.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { fileURLToPath } from "node:url";
import { axe, type Browser, chromium, type Page } from "../../tests/support/browser.ts";
import { buildSite } from "./main.ts";
import { serveFolder } from "./serve.ts";
import { NEVER_MS } from "../../tests/support/until.ts";

const CHROMIUM = Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium";
const hasBrowser = await Deno.stat(CHROMIUM).then(() => true, () => false);
if (!hasBrowser) console.log(`The site is not tried in a browser: there is none at ${CHROMIUM}`);

/** As a project's pages are served on GitHub: below the root. */
const BASE = "/denoise/";

/** One of each kind: the first page, texts, tables, images, what is made from the code. */
const TRIED = ["", "get-started", "migrate", "schedulers", "families/flux", "api/pipelines", "404"];

async function htmlFiles(folder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const walk = async (inside: string) => {
    for await (const { name, isDirectory } of Deno.readDir(`${folder}/${inside}`)) {
      if (isDirectory) await walk(`${inside}${name}/`);
      else if (name.endsWith(".html")) {
        found.set(inside + name, await Deno.readTextFile(`${folder}/${inside}${name}`));
      }
    }
  };
  await walk("");
  return found;
}

describe("the documentation site", () => {
  const out = fileURLToPath(new URL("../../.cache/site/tried", import.meta.url));
  let server: Deno.HttpServer<Deno.NetAddr>;
  let browser: Browser;
  beforeAll(async () => {
    await buildSite(out, BASE);
    server = serveFolder(out, BASE, 0);
    if (hasBrowser) {
      browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
    }
  });
  afterAll(async () => {
    await browser?.close();
    await server.shutdown();
  });

  it("has code only in blocks that scroll by themselves, not with the page", async () => {
    const bare = [...await htmlFiles(out)].filter(([_, html]) => html.includes("<pre><code"));
    assertEquals(bare.map(([file]) => file), []);
  });

  it("leads to pages, files and headings that are there", async () => {
    const pages = await htmlFiles(out);
    const ids = new Map(
      [...pages].map(([file, html]) =>
        [file, new Set([...html.matchAll(/\sid="([^"]+)"/g)].map(([_, id]) => id))] as const
      ),
    );
    const broken: string[] = [];
    const there = new Map<string, Promise<boolean>>();
    for (const [file, html] of pages) {
      const here = new URL(file.replace(/(index)?\.html$/, ""), `http://site${BASE}`);
      for (const [_, attribute, written] of html.matchAll(/\s(href|src)="([^"]*)"/g)) {
        const target = new URL(written!.replaceAll("&amp;", "&"), here);
        if (target.host !== "site") {
          if (attribute === "src") broken.push(`${file}: asks ${target.href} for a part`);
          continue;
        }
        const inside = decodeURIComponent(target.pathname.slice(BASE.length));
        const html = inside === "" || inside.endsWith("/")
          ? `${inside}index.html`
          : `${inside}.html`;
        if (ids.has(html)) {
          const id = decodeURIComponent(target.hash.slice(1));
          if (id !== "" && !ids.get(html)!.has(id)) {
            broken.push(`${file}: ${written}, no such heading`);
          }
        } else {
          if (!there.has(inside)) {
            there.set(inside, Deno.stat(`${out}/${inside}`).then((s) => s.isFile, () => false));
          }
          if (!target.pathname.startsWith(BASE) || !await there.get(inside)) {
            broken.push(`${file}: ${written}, no such page or file`);
          }
        }
      }
      for (const [tag] of html.matchAll(/<(?:link|script)\s[^>]*(?:href|src)="https?:[^>]*>/g)) {
        broken.push(`${file}: ${tag}`);
      }
    }
    assertEquals(broken, []);
    assert(pages.size > 60, `only ${pages.size} pages`);
  });

  /** Opens a page; what it asks other hosts for, and what it complains of, is collected. */
  async function open(path: string, options: Parameters<Browser["newPage"]>[0]) {
    const page = await browser.newPage(options);
    page.setDefaultTimeout(NEVER_MS);
    const problems: string[] = [];
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (url.protocol.startsWith("http") && url.hostname !== "127.0.0.1") problems.push(url.href);
    });
    page.on("pageerror", (error) => problems.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") problems.push(message.text());
    });
    await page.goto(`http://127.0.0.1:${server.addr.port}${BASE}${path}`);
    await page.locator("h1").first().waitFor();
    return { page, problems };
  }

  async function unusable(page: Page): Promise<string[]> {
    await page.addScriptTag({ content: axe.source });
    const { violations } = await page.evaluate("axe.run()") as {
      violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
    };
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`)
    );
  }

  const screens = {
    "a desktop, light": { viewport: { width: 1280, height: 900 }, colorScheme: "light" },
    "a phone, dark": { viewport: { width: 390, height: 844 }, colorScheme: "dark" },
  } as const;
  for (const [name, options] of Object.entries(screens)) {
    it(
      `can be used by everyone and asks nobody else: ${name}`,
      { ignore: !hasBrowser },
      async () => {
        for (const path of TRIED) {
          const { page, problems } = await open(path, { ...options, reducedMotion: "reduce" });
          assertEquals([path, ...problems, ...await unusable(page)], [path]);
          const wide = await page.evaluate("document.documentElement.scrollWidth") as number;
          assertEquals(wide, options.viewport.width, `${path} is wider than ${name}`);
          await page.close();
        }
      },
    );
  }

  it("finds a class by its name", { ignore: !hasBrowser }, async () => {
    const { page, problems } = await open("", screens["a desktop, light"]);
    await page.locator("#local-search button").click();
    await page.locator("#localsearch-input").fill("StableDiffusionXLInpaintPipeline");
    await page.locator("#localsearch-list a", { hasText: "StableDiffusionXLInpaintPipeline" })
      .first().click();
    await page.waitForURL(/stable-diffusion-xl/);
    assertEquals(problems, []);
    await page.close();
  });
});

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { chromium } from "../../../tests/support/browser.ts";
import { fakeApp } from "../../tests/app.ts";
import { NEVER_MS } from "../../../tests/support/until.ts";

const CHROMIUM = Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium";
const hasBrowser = await Deno.stat(CHROMIUM).then(() => true, () => false);
if (!hasBrowser) console.log(`The API page is not tried: there is no browser at ${CHROMIUM}`);

describe("docsDoor", () => {
  it("serves the page, its parts and nothing else", async () => {
    const { app } = fakeApp({ auth: { keys: [{ name: "ann", key: "k" }] } });
    const page = await app.request("/docs");
    assertStringIncludes(await page.text(), "<title>denoise API</title>");
    assertStringIncludes(page.headers.get("content-security-policy")!, "default-src 'self'");
    for (const part of ["start.js", "swagger-ui-bundle.js", "swagger-ui.css"]) {
      const response = await app.request(`/docs/${part}`);
      assertEquals(response.status, 200, part);
      await response.body?.cancel();
    }
    for (const path of ["/docs/mod.ts", "/docs/package.json", "/docs/..%2Fmod.ts"]) {
      const response = await app.request(path);
      assertEquals(response.status, 404, path);
      await response.body?.cancel();
    }
  });

  it("shows and tries the API in a browser, with no request to elsewhere", {
    ignore: !hasBrowser,
  }, async () => {
    const { app, engine } = fakeApp();
    const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, app.fetch);
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
    try {
      const page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
      page.setDefaultTimeout(NEVER_MS);
      const outside: string[] = [];
      const problems: string[] = [];
      page.on("request", (request) => {
        const url = new URL(request.url());
        if (url.protocol.startsWith("http") && url.hostname !== "127.0.0.1") outside.push(url.href);
      });
      page.on("pageerror", (error) => problems.push(String(error)));
      page.on("console", (message) => {
        if (message.type() === "error") problems.push(message.text());
      });
      await page.goto(`http://127.0.0.1:${server.addr.port}/docs`);
      const operation = page.locator(".opblock", {
        has: page.locator('[data-path="/v1/images/generations"]'),
      });
      await operation.locator(".opblock-summary-control").click();
      await operation.locator(".try-out__btn").click();
      await operation.locator("textarea.body-param__text").fill('{"prompt": "a red apple"}');
      await operation.locator("button.execute").click();
      await operation.locator(".live-responses-table .response-col_status", { hasText: "200" })
        .waitFor();
      assertEquals(engine.begun[0]!.input.prompt, "a red apple");
      assertEquals([outside, problems], [[], []]);
      assert(await page.locator(".opblock").count() > 20);
    } finally {
      await browser.close();
      await server.shutdown();
    }
  });
});

